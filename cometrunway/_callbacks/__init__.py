"""The posts of a gateway to a `callback_url`: hints that a task has changed, and the ids of creates without an answer.

May import `_transport`, `_wire` and all below them. Begin with `_receiver.py`, which receives posts from a web
framework and answers them. `_posts.py` processes a post. `_expected.py` has the submissions whose callbacks may come,
and `_paths.py` derives their paths. `_asgi.py` and `_aiohttp_app.py` connect the receiver to a web application.
"""
