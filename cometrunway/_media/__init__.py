"""Media as values: files and URLs are recognised, checked, and shown without their secrets.

The same rules apply to the media of requests and the media that tasks make. The package reads local files if asked
to, and opens no connection. It imports nothing else of `cometrunway`. Begin with `_inputs.py`, which defines what a
request accepts. `_kinds.py` recognises a file by its first bytes, `_containers.py` checks whether it is whole.
"""
