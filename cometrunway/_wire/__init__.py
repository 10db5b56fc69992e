"""Converts values to bytes and back. Only this package knows URL paths, JSON keys, headers and status codes.

It does no I/O and never waits. May import `_requests`, `_media`, `_tasks` and `errors`. Begin with `_encode.py` for
requests, and with `_decode.py` for answers. `_refusals.py` decides which answers prove that nothing was created.
`_mapping.py` makes requests from plain dicts. `_identity.py` describes requests for the journal, and decides when two
requests are the same.
"""
