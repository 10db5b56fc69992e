"""The requests: frozen values, one class for each route. They are checked when they are made, before anything is sent.

This package has no connection, no clock, no randomness and no JSON key. It may import `_media`. Begin with
`_routes.py`, which has eight requests; `_parts.py` has the values inside them, `_limits.py` the validators,
`_making.py` the errors of making a request, `_names.py` the names of fields, and `_shot.py` a request with its key.
"""
