"""Fixtures of the tests of a journal in PostgreSQL."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cometrunway import Session
from tests.postgres import Server


@pytest.fixture
def anyio_backend() -> str:
    """The server keeps real time."""
    return "asyncio"


@pytest.fixture
def url(postgres: Server) -> str:
    """Return a new journal."""
    return postgres.journal(lease=1)


@pytest.fixture
def session(session: Any, url: str) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, which share one journal and one folder."""
    return partial(session, journal=url)
