"""From values to bytes and back: the only place that knows URL paths, JSON keys, headers and status codes.

It sends nothing and waits for nothing. May import `_requests`, `_media`, `_tasks` and `errors`. Begin with `_encode.py`
for what is sent, and with `_decode.py` for what an answer says; `_refusals.py` decides what proves that nothing was
created. `_mapping.py` makes requests from plain dicts, `_identity.py` says what is recorded of
them, and when two are the same.
"""
