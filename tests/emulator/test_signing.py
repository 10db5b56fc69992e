"""Output URLs: valid if they were signed here, for their path and for a time."""

import asyncio
from urllib.parse import urlsplit

import pytest

from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._signing import Signer
from tests.emulator.test_assets import fetch, finished
from tests.emulator.test_server import running
from tests.emulator.test_tasks import task


async def test_a_url_is_valid_for_its_path_and_its_time() -> None:
    """Not a moment longer, not for another file, and not if another emulator signed it."""
    epoch = Epoch(asyncio.get_running_loop())
    signer, other = (Signer(secret=secret, epoch=epoch, lifetime=60.0, refresh=True) for secret in (b"a", b"b"))
    signer.base_url = other.base_url = "http://127.0.0.1:1"
    signed = urlsplit(signer.url(task(), "output.mp4"))
    assert signer.accepts(signed.path, signed.query)
    assert not signer.accepts(signed.path.replace("output", "poster"), signed.query)
    assert not other.accepts(signed.path, signed.query)
    for query in ("", "_jwt=", "_jwt=a.b.c", "_jwt=é"):
        assert not signer.accepts(signed.path, query)
    await asyncio.sleep(59)
    assert signer.accepts(signed.path, signed.query)
    await asyncio.sleep(1.1)
    assert not signer.accepts(signed.path, signed.query)


async def test_urls_expire_and_a_poll_brings_fresh_ones() -> None:
    """After its lifetime a URL answers 403; by default the next poll signs another."""
    async with running(asset_lifetime=60) as caller:
        url = await finished(caller)
        await asyncio.sleep(61)
        assert (await fetch(caller, url))[0] == 403
        fresh = (await caller.poll(next(iter(caller.emulator.tasks))))["output"][0]
        assert (await fetch(caller, fresh))[0] == 200


async def test_a_gateway_may_never_refresh_urls() -> None:
    """With `refresh_urls=False` every poll repeats the first URL, expired or not."""
    async with running(refresh_urls=False) as caller:
        url = await finished(caller)
        caller.emulator.expire_assets()
        assert (await caller.poll(next(iter(caller.emulator.tasks))))["output"] == [url]
        assert (await fetch(caller, url))[0] == 403


@pytest.mark.parametrize("spoil", [".mp4?", "eyJ", "?_jwt="])
async def test_only_signed_urls_are_served(spoil: str) -> None:
    """A URL with another name, another payload or another signature is worth nothing."""
    async with running() as caller:
        url = await finished(caller)
        assert (await fetch(caller, url.replace(spoil, spoil + "x", 1)))[0] in {403, 404}
