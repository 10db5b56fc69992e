"""Fixtures of the whole suite."""

from random import Random
from typing import Any

import pytest

from tests.virtual import VirtualLoop


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Every async test runs on virtual time, unless its module says otherwise."""
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def rng() -> Random:
    """The same randomness in every run."""
    return Random(7)
