"""File descriptors: few are used where few are free, and one that is missing is waited for."""

import asyncio
import errno
import resource
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from cometrunway._transport import _descriptors
from cometrunway._transport._descriptors import BETWEEN_WAITS, WAITS, connections, downloads, is_exhaustion, when_free

KEY = ConnectionKey("api.example.com", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("free", "api", "files"), [(0, 4, 1), (60, 10, 5), (600, 100, 32), (100_000, 256, 32), (10**6, 256, 32)]
)
def test_the_connections_and_downloads_are_a_part_of_what_is_free(
    free: int, api: int, files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is for the user's code; there are always some, and never very many."""
    monkeypatch.setattr(_descriptors, "_free", lambda: free)
    assert (connections(), downloads()) == (api, files)


def test_what_is_open_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is that of the process; without a limit there are very many."""
    limits = {"now": 500}
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limits["now"], 500))
    assert 0 < _descriptors._free() < 500
    for limits["now"], free in ((3, 0), (resource.RLIM_INFINITY, 1_000_000)):
        assert _descriptors._free() == free


@pytest.mark.parametrize(
    "wrapped", [lambda error: error, lambda error: aiohttp.ClientConnectorError(KEY, error)], ids=["bare", "aiohttp's"]
)
async def test_a_missing_descriptor_is_waited_for(wrapped: Callable[[OSError], OSError]) -> None:
    """Of the process or of the system: the work is done again until there is one."""
    lacking = [errno.EMFILE, errno.ENFILE] * 3

    async def work() -> str:
        if lacking:
            raise wrapped(OSError(lacking.pop(), "too many open files"))
        return "done"

    assert await when_free(work) == "done"
    assert asyncio.get_running_loop().time() == pytest.approx(6 * BETWEEN_WAITS)


async def test_the_wait_for_a_descriptor_ends_after_a_minute() -> None:
    """With the system's own error."""
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        raise OSError(errno.EMFILE, "too many open files")

    with pytest.raises(OSError, match="too many open files"):
        await when_free(work)
    assert tried == WAITS + 1
    assert asyncio.get_running_loop().time() == pytest.approx(60)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "disk full"), ValueError("wrong"), TimeoutError()])
async def test_any_other_error_is_raised_at_once(error: Exception) -> None:
    """What it means is for others to say."""
    assert not is_exhaustion(error)

    async def work() -> None:
        raise error

    with pytest.raises(type(error)):
        await when_free(work)
    assert asyncio.get_running_loop().time() == 0
