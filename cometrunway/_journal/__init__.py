"""The durable record of what was paid for.

May import `_wire`, `_tasks`, `_media` and `errors`. Begin with `_entry.py`, what is recorded of one submission;
`_sqlite.py` keeps entries in one SQLite file, `_writer.py` is the thread that writes it. `_file.py` opens and checks
that file, `_schema.py` has its tables, `_upgrade.py` brings those of earlier versions to them. `_lock.py` says which
process writes, `_folders.py` where the files lie. `_protocol.py` is what any journal does.
"""
