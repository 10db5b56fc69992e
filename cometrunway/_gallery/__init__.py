"""A batch as one page to look at: written to a file, or served while the batch runs.

May import the public package and `_batch`. Begin with `_sources.py`, what is shown; `_page.py` writes the page from
`page/`, `_server.py` serves it, `_feed.py` tells an open page what has changed.
"""
