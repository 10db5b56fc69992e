"""The durable record of what was paid for.

May import `_wire`, `_tasks`, `_media` and `errors`. Begin with `_entry.py`, what is recorded of one submission.
`_protocol.py` is what a session asks of any journal; `_stored.py` does that for the event loop, with `_writer.py`, the
thread that commits, and `_commit.py`, what one commit runs. `_store.py` is what keeps a journal: in a file, or in
`_postgres`. `_place.py` says where; by that `_stores.py` decides what writes it, and `_snapshots.py` what reads it.
`_journal.py` opens one by its place, `_reader.py` reads it, `_check.py` checks all of it, and `_pruned.py` says what
pruning keeps.

Of a journal in a file: `_sqlite.py` is its store, `_file.py` opens it and checks it quickly, `_lock.py` says which
process writes it. `_changes.py` has its changes in SQL, `_records.py` what is asked of it. `_prune.py` makes it
smaller. `_schema.py` has its tables, and `_upgrade.py` brings those of earlier versions to them. `_folders.py` says
where files lie.
"""
