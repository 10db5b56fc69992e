"""The fixtures `cometrunway_emulator` and `cometrunway_session`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from cometrunway._session import Session
    from cometrunway.emulator import Emulator

_T = TypeVar("_T")
_EMULATOR, _SESSION = "cometrunway_emulator", "cometrunway_session"
_MARKERS = (
    f"{_EMULATOR}(**options): options of cometrunway.emulator.Emulator for the fixture of this name",
    f"{_SESSION}(**options): options of cometrunway.Session for the fixture of this name",
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers. If pytest-asyncio is in use, add its fixtures."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.pluginmanager.hasplugin("asyncio"):
        config.pluginmanager.import_plugin("cometrunway._pytest_plugin._asyncio_fixtures")


@pytest.fixture
def cometrunway_emulator(request: pytest.FixtureRequest) -> "Iterator[Emulator]":
    """An emulator in its own thread. By default its tasks end within 10 ms; its marker can change that.

    During the test, COMETAPI_KEY and COMETRUNWAY_BASE_URL point to it, so any `Session()` of the program uses it.
    """
    from cometrunway.emulator import Emulator  # noqa: PLC0415 - see the package

    options = {"duration": 0.01, "not_exist_seconds": 0.0, **_marked(request, _EMULATOR)}
    made = _made(_EMULATOR, Emulator.in_thread, **options)
    with made as emulator, pytest.MonkeyPatch.context() as environment:
        environment.setenv("COMETAPI_KEY", emulator.api_key)
        environment.setenv("COMETRUNWAY_BASE_URL", emulator.base_url)
        yield emulator


@pytest.fixture
def cometrunway_session(request: pytest.FixtureRequest) -> "Session":
    """An open session on `cometrunway_emulator`. By default it polls every 10 ms; its marker can change that.

    Its files go to the folder `outputs` in the test's `tmp_path`. It belongs to the event loop of the test. It is
    closed after the test, and does not wait for unfinished tasks.
    """
    marker = request.node.get_closest_marker("asyncio")
    if marker is not None:
        scope = marker.kwargs.get("loop_scope") or request.config.getini("asyncio_default_test_loop_scope")
        return request.getfixturevalue(f"_cometrunway_session_in_{scope}_loop")  # type: ignore[no-any-return]
    if "anyio_backend" not in request.fixturenames:
        pytest.fail(
            f"{_SESSION} is for async tests that pytest-asyncio or anyio runs; a synchronous test takes "
            f"{_EMULATOR}, or the async test lacks its marker (pytest.mark.asyncio, pytest.mark.anyio) or the auto "
            "mode (asyncio_mode, anyio_mode)",
            pytrace=False,
        )
    if request.getfixturevalue("anyio_backend_name") != "asyncio":
        pytest.fail(
            f"{_SESSION} needs asyncio: let the fixture anyio_backend return 'asyncio' in this module", pytrace=False
        )
    return request.getfixturevalue("_cometrunway_session_in_anyio")  # type: ignore[no-any-return]


@pytest.fixture
async def _cometrunway_session_in_anyio(
    request: pytest.FixtureRequest, cometrunway_emulator: "Emulator", tmp_path: Path
) -> "AsyncIterator[Session]":
    async with session_on(cometrunway_emulator, request, tmp_path) as session:
        yield session


@asynccontextmanager
async def session_on(emulator: "Emulator", request: pytest.FixtureRequest, folder: Path) -> "AsyncIterator[Session]":
    """Open a session on an emulator, with the options of the test's marker."""
    from cometrunway._policies import PollPolicy  # noqa: PLC0415 - see the package
    from cometrunway._session import Session  # noqa: PLC0415
    from cometrunway.emulator import VirtualLoop  # noqa: PLC0415
    from cometrunway.errors import TasksOwedError  # noqa: PLC0415

    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        pytest.fail(
            f"{_EMULATOR} runs in a thread, which a VirtualLoop does not wait for: in this test enter "
            "`async with Emulator() as emulator:` and a Session on it",
            pytrace=False,
        )
    options: dict[str, Any] = {
        "output_dir": folder / "outputs",
        "poll": PollPolicy(rule="fixed", first=0.01, floor=0.01, per_second=2000),
        "trust_env": False,
        "close_wait": 0.0,
        **_marked(request, _SESSION),
    }
    with suppress(TasksOwedError):  # an emulator's tasks cost nothing
        async with _made(_SESSION, Session, emulator.api_key, base_url=emulator.base_url, **options) as session:
            yield session


def _made(name: str, make: Callable[..., _T], *args: object, **options: object) -> _T:
    """Return what a fixture opens; if an option of its marker is wrong, the test fails with the reason alone."""
    try:
        return make(*args, **options)
    except (TypeError, ValueError) as error:
        wrong = str(error)
    pytest.fail(f"@pytest.mark.{name}: {wrong}", pytrace=False)


def _marked(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    """Return the options of the markers with this name. Those of the test override those of its class and module."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers(name):
        options = dict(*marker.args, **marker.kwargs) | options
    return options
