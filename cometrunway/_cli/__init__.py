"""The command `cometrunway`.

It may import everything; nothing imports it. Begin with `_main.py`; each other module has the commands of one subject.
"""
