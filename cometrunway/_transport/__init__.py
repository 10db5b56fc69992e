"""HTTP: only this package uses aiohttp's client, and translates its exceptions into ours.

It may import `_wire`, `_policies`, `_media`, `_tasks` and `errors`. Begin with `_api.py`, the calls of the API;
`_aiohttp.py` sends them; `_assets.py` opens files at other hosts without any credential; `_connections.py` makes the
connections of both, and `_exceptions.py` their errors; `_time_limit.py` ends what takes too long; `_descriptors.py`
limits how much may be open at once.
"""
