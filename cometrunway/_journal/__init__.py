"""The durable record of what was paid for.

It may import `_wire`, `_tasks`, `_media` and `errors`. Begin with `_entry.py`, the record of one submission;
`_sqlite.py` keeps entries in one SQLite file, `_changes.py` has its changes in SQL, `_commit.py` runs those of one
commit, `_writer.py` is the thread that writes it. `_records.py` has what is asked of it, `_reader.py` asks without
writing. `_file.py` opens the file and checks it quickly, `_check.py` checks all of it, `_prune.py` makes it smaller.
`_schema.py` has its tables, `_upgrade.py` brings those of earlier versions to them. `_lock.py` says which process
writes, `_folders.py` where the files lie. `_protocol.py` is what any journal does.
"""
