"""A batch on the command line: the file of its shots, what it would send, one run of it, and a report of its journal.

May import the public package, `progress` and the emulator. Begin with `_run.py`; `_files.py` reads a file of shots.
"""
