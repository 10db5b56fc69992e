"""The durable record of what was paid for.

May import `_tasks`, `_media` and `errors`. Begin with `_entry.py`, what is recorded of one submission; `_sqlite.py`
keeps entries in one SQLite file, `_file.py` opens and checks that file, `_lock.py` says which process writes it.
"""
