"""From a task that has ended to whole files on disk.

May import `_transport`, `_object_storage`, `_journal` and all below them; never `_submission` or `_polling`. Begin with
`_delivery.py`; `_downloader.py` fetches one file, `_part_file.py` is that file while it is written, `_file_names.py`
names it; `_output_dir.py` says where it goes: to a folder (`_folder.py`) or to a bucket (`_bucket_output.py`).
`_intact_files.py` knows which files are as they were put.
"""
