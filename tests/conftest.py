"""Fixtures of the whole suite."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cometrunway import Session
from cometrunway.emulator import Emulator, VirtualLoop
from tests.postgres import VARIABLE, Server, running_server
from tests.storages import Storage, running_storage

# Both may be ignored, as in a background job or under nohup, and programs that tests start would ignore them, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Every async test runs on virtual time, unless its module says otherwise."""
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture(scope="session")
def storage() -> Iterator[Storage]:
    """Return a server of S3's protocol with one bucket, `bucket`."""
    with running_storage() as running:
        yield running


@pytest.fixture
def bucket(storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Return an address of the bucket with a prefix of this test's own; the environment leads there."""
    for name, value in storage.environment.items():
        monkeypatch.setenv(name, value)
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()
    return f"s3://bucket/{digest[:12]}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a PostgreSQL server that the tests may stop and start; `nox -s fleet` brings one."""
    if VARIABLE not in os.environ:
        pytest.skip(f"NOT TRIED: {VARIABLE} names no folder of a PostgreSQL's programs")
    with running_server() as running:
        yield running


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
