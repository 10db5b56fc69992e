"""How a notebook shows values, and the progress of waits: HTML and text, without widgets and without JavaScript.

May import the public package and the gallery's values, and IPython only where it is loaded already; only `_displays`
imports it. Begin with `_bundles.py`, which draws each kind of value; `_waits.py` shows progress.
"""
