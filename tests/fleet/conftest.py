"""A fleet on a PostgreSQL of the tests' own, and an emulator."""

from collections.abc import AsyncIterator

import pytest

from cometrunway.emulator import Emulator
from cometrunway.fleet import Fleet
from tests.fleet.workers import new_fleet
from tests.postgres import Server


@pytest.fixture
def anyio_backend() -> str:
    """Real time: a database does not follow a virtual one."""
    return "asyncio"


@pytest.fixture
def dsn(postgres: Server) -> str:
    """The URL of a new fleet."""
    return new_fleet(postgres, lease=3)


@pytest.fixture
async def fleet(dsn: str) -> AsyncIterator[Fleet]:
    """A fleet without workers, in which a shot costs 2."""
    async with Fleet(dsn, price=lambda _: 2) as opened:
        yield opened


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A quick emulator."""
    async with Emulator(speed=100) as running:
        yield running
