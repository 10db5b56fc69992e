"""The fixtures, in projects of their own that pytest runs in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

HEADER = """
import sys
from random import Random

import pytest
from cometrunway import APIError, ImageToVideo, PollPolicy, Session, TaskStatus
from cometrunway.emulator import Fault, VirtualLoop

CAT = ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text="the cat yawns")
"""
THREE_LINES = """
async def test_a_clip_is_made(cometrunway_session):
    [clip] = await (await cometrunway_session.submit(CAT))
    assert clip.path.stat().st_size == clip.size
"""
ON_ASYNCIO = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
LOOPS_BY_FIXTURE = "asyncio_default_fixture_loop_scope=function"


def ran(folder: Path, program: str, *settings: str, without: str = "", marker: str = "") -> str:
    """Run the tests of a program, warnings being errors; returns what pytest says."""
    marked = f"pytestmark = pytest.mark.{marker}\n" if marker else ""
    (folder / "test_mine.py").write_text(HEADER + marked + program)
    options = [part for setting in settings for part in ("-o", setting)]
    plugins = ["-p", f"no:{without}"] if without else []
    command = [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", "-p", "no:cacheprovider", "-rA"]
    ended = subprocess.run(
        [*command, *options, *plugins], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("settings", "marker", "without"),
    [
        (("asyncio_mode=auto", LOOPS_BY_FIXTURE), "", "anyio"),
        (("asyncio_mode=strict", LOOPS_BY_FIXTURE), "asyncio", ""),
        (("anyio_mode=auto",), "", "asyncio"),
        (("anyio_mode=strict", LOOPS_BY_FIXTURE), "anyio", ""),
    ],
)
def test_a_session_is_open_under_every_runner_of_async_tests(
    settings: tuple[str, ...], marker: str, without: str, tmp_path: Path
) -> None:
    """A test in three lines buys a clip and reads its file, with either plugin and in both of its modes."""
    said = ran(tmp_path, THREE_LINES + ON_ASYNCIO, *settings, marker=marker, without=without)
    assert "1 passed" in said, said


def test_nothing_is_loaded_until_a_fixture_is_used(tmp_path: Path) -> None:
    """With both plugins of async tests in use, pytest loads no module of the package but those of the plugin."""
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_report_header():\n"
        "    return ' '.join(sorted(name for name in sys.modules if name.startswith(('cometrunway', 'aiohttp'))))\n"
    )
    said = ran(tmp_path, THREE_LINES + ON_ASYNCIO, "asyncio_mode=auto", LOOPS_BY_FIXTURE)
    plugin = "cometrunway._pytest_plugin"
    expected = f"cometrunway {plugin} {plugin}._asyncio_fixtures {plugin}._fixtures"
    assert expected in said.splitlines(), said
    assert "1 passed" in said, said


def test_markers_give_options_and_a_test_controls_its_server(tmp_path: Path) -> None:
    """A test's marker comes before its class's, faults are as in any emulator, and other fixtures build on these."""
    program = """
@pytest.fixture
async def handle(cometrunway_session):
    return await cometrunway_session.submit(CAT, key="mine")

async def test_a_fixture_of_mine_uses_the_session(handle, cometrunway_emulator):
    await handle
    [task] = cometrunway_emulator.tasks.values()
    assert (task.id, task.route, task.prompt, task.body["duration"]) == (
        handle.id, "image_to_video", "the cat yawns", 5)

@pytest.mark.cometrunway_emulator(seed=1, failure_rate=1.0)
class TestOptions:
    @pytest.mark.cometrunway_emulator(seed=7)
    @pytest.mark.cometrunway_session(output_dir=None, max_in_flight=3)
    async def test_of_both(self, cometrunway_emulator, cometrunway_session):
        assert (cometrunway_emulator.seed, cometrunway_emulator.failure_rate) == (7, 1.0)
        assert (await (await cometrunway_session.submit(CAT)).wait()).status is TaskStatus.FAILED

async def test_a_create_is_refused(cometrunway_emulator, cometrunway_session):
    cometrunway_emulator.script("create", Fault.answer(400))
    with pytest.raises(APIError):
        await cometrunway_session.submit(CAT)
    assert not cometrunway_emulator.tasks
"""
    said = ran(tmp_path, program, "asyncio_mode=auto", LOOPS_BY_FIXTURE)
    assert "3 passed" in said, said


def test_a_synchronous_test_has_the_emulator_in_its_environment(tmp_path: Path) -> None:
    """A program that opens its own session, in its own event loop, sends its creates to the emulator only."""
    program = """
import asyncio

async def one_clip():
    async with Session(output_dir=None, poll=PollPolicy(rule="fixed", first=0.01, floor=0.01)) as runway:
        await (await runway.submit(CAT))

def test_my_program(cometrunway_emulator):
    asyncio.run(one_clip())
    assert cometrunway_emulator.creates.accepted == 1
"""
    assert "1 passed" in ran(tmp_path, program, LOOPS_BY_FIXTURE)


def test_where_there_can_be_no_session_an_error_names_the_cure(tmp_path: Path) -> None:
    """A synchronous test, another event loop library, a virtual clock and a misspelt option are told what to do."""
    program = """
def test_without_loop(cometrunway_session): ...

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio", ("asyncio", {"loop_factory": VirtualLoop})])
async def test_on_another_loop(cometrunway_session, anyio_backend): ...

@pytest.mark.cometrunway_emulator(failurerate=1.0)
def test_with_a_misspelt_option(cometrunway_emulator): ...

@pytest.mark.asyncio
@pytest.mark.cometrunway_session(max_inflight=1)
async def test_with_a_misspelt_option_of_a_session(cometrunway_session): ...
"""
    said = ran(tmp_path, program, LOOPS_BY_FIXTURE)
    assert "5 errors" in said
    assert "During handling" not in said
    for cure in (
        "a synchronous test takes cometrunway_emulator",
        "let the fixture anyio_backend return 'asyncio'",
        "enter `async with Emulator() as emulator:`",
        "@pytest.mark.cometrunway_emulator: Emulator.__init__() got an unexpected keyword argument 'failurerate'. Did "
        "you mean 'failure_rate'?",
        "unexpected keyword argument 'max_inflight'. Did you mean 'max_in_flight'?",
    ):
        assert cure in " ".join(said.split()), said
