"""A batch as one page to look at: written to a file, or served while the batch runs.

May import the public package and `_batch`. Begin with `_source.py`, where shots come from. `_page.py` writes the page
from `page/`, and `_data_writer.py` beside it what a page of many shots loads as it needs it; `_server.py` serves a live
page, to which `_feed.py` tells what has changed.
"""
