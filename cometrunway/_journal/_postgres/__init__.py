"""A journal in the tables of a PostgreSQL server, which several processes share.

May import the modules of `_journal` above it that know no store, and `errors`. Begin with `_store.py`, which writes;
`_changes.py` has its changes in SQL, `_sessions.py` says which processes live, `_given_up.py` which tasks are tried
again later. `_records.py` has what is asked of the tables, `_server.py` opens them. `_schema.py` has the tables,
`_migration.py` makes them. `_connection.py` is the one door to psycopg; `_extra.py` imports what needs it.
"""
