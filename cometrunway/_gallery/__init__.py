"""The gallery: one page that shows a batch. It is written to a file, or served while the batch runs.

May import the public package and `_batch`. Begin with `_source.py`, which provides the shots. `_page.py` writes the
page from `page/`. For many shots, `_data_writer.py` writes data that the page loads when it needs them. `_server.py`
serves a live page, and `_feed.py` sends it the changes.
"""
