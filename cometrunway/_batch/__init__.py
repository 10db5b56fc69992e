"""A batch on the command line: its file of shots, the dry run, the run, and the report of its journal.

It may import the public package, `progress` and the emulator. Begin with `_run.py`; `_files.py` reads a file of shots.
"""
