"""Shows values and the progress of waits in a notebook: as HTML and text, without widgets and without JavaScript.

May import the public package and the gallery's values. It uses IPython only if IPython is loaded already. Only
`_displays` imports this package. Begin with `_bundles.py`, which draws each kind of value. `_waits.py` shows progress.
"""
