"""Files and URLs as values: recognised, checked, and shown without what is secret in them.

Requests take media in, tasks give media out, and both are judged here by the same rules. It reads a local file where
that is what was asked for; it opens no connection. Imports nothing of ours. Begin with `_inputs.py`, which says what a
request may be given; `_kinds.py` knows a file by its first bytes, `_containers.py` knows whether it is whole.
"""
