"""Fixtures of the whole suite."""

import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import Session
from cometrunway.emulator import Emulator, VirtualLoop

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is in the background jobs of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Every async test runs on virtual time, unless its module says otherwise."""
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def rng() -> Random:
    """The same randomness in every run."""
    return Random(7)


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Session]:
    """Return a maker of sessions on an emulator, whose files go to a fresh folder."""

    def make(emulator: Emulator, **options: Any) -> Session:
        options.setdefault("output_dir", tmp_path / "out")
        return Session(emulator.api_key, base_url=emulator.base_url, **options)

    return make
