"""Delivery: downloads, verifies and stores the files of ended tasks.

May import `_transport`, `_object_storage`, `_journal` and all below them; never `_submission` or `_polling`. Begin with
`_delivery.py`; `_downloader.py` downloads one file, `_part_file.py` writes it in an `_open_folder.py`, and
`_file_names.py` names it.
`_output_dir.py` decides where it is stored: in a folder (`_folder.py`) or in a bucket (`_bucket_output.py`).
`_intact_files.py` checks that stored files have not changed.
"""
