"""What the gateway posts to a `callback_url`: a hint that a task has changed, and the id of a create without answer.

May import `_transport`, `_wire` and all below them. Begin with `_receiver.py`, which takes posts from a web framework
and answers them; `_posts.py` acts on a post; `_expected.py` has the submissions whose callbacks may come, and
`_paths.py` derives the path of each. `_asgi.py` and `_aiohttp_app.py` are the two ways into a web application.
"""
