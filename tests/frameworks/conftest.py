"""The browser of the gallery's tests, a gateway, and each example as one server for several tests."""

from collections.abc import Iterator

import pytest

from cometrunway.emulator import Emulator
from tests.browser.conftest import browser  # noqa: F401 - a fixture
from tests.frameworks.servers import COMMANDS, Service, serving


@pytest.fixture(scope="session", autouse=True)
def frameworks() -> None:
    """All of them are installed, or nothing is tried."""
    for module in ("django", "fastapi", "litestar", "uvicorn", "uvloop"):
        pytest.importorskip(module, reason="nox --session frameworks installs the frameworks")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A gateway whose tasks take a second."""
    with Emulator.in_thread(duration=1, not_exist_seconds=0) as running:
        yield running


@pytest.fixture(scope="session", params=COMMANDS)
def name(request: pytest.FixtureRequest) -> str:
    """Each example in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def service(name: str, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """An example that serves; at its end it has told of no error."""
    with serving(name, emulator, tmp_path_factory.mktemp(name)) as running:
        yield running
    assert "Traceback" not in running.log.read_text()
