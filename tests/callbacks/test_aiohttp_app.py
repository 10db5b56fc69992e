"""The receiver as an application of aiohttp.web."""

import gzip
import tracemalloc

from tests.callbacks.served import PATH, by_aiohttp, receiver


async def test_an_encoded_body_is_no_bomb() -> None:
    """A kilobyte that unpacks to 256 megabytes is refused after 64 kilobytes; nonsense in an encoding as well."""
    hooks = receiver()
    bomb = gzip.compress(gzip.compress(bytes(256 * 1024**2)))
    bomb = gzip.decompress(bomb)[:200_000]
    with hooks.serving(lambda _path, _body: True):
        async with by_aiohttp(hooks) as post:
            tracemalloc.start()
            status, _, _ = await post(PATH, bomb, headers={"Content-Encoding": "gzip"})
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert status == 413
            assert peak < 8 * 1024**2
            assert (await post(PATH, b"no gzip", headers={"Content-Encoding": "gzip"}))[0] == 400
            assert (await post(PATH))[0] == 200


async def test_the_rest_of_a_refused_post_is_not_waited_for() -> None:
    """Its connection is closed; that of a post that is taken stays open for the next one."""
    hooks = receiver()
    async with by_aiohttp(hooks) as post:
        with hooks.serving(lambda _path, _body: True):
            assert "connection" not in (await post(PATH))[1]
            for body, options in ((bytes(70_000), {}), (b"", {"method": "GET"})):
                assert (await post(PATH, body, **options))[1]["connection"] == "close"
