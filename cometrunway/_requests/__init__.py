"""What to make: frozen values, one class for each route, checked as they are made, so that nothing wrong is ever sent.

No connection, no clock, no randomness, and no JSON key. May import `_media`. Begin with `_routes.py`, the eight
requests; `_parts.py` has the values inside them, `_limits.py` the validators, `_shot.py` a request with its key.
"""
