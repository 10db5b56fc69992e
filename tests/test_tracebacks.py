"""A traceback is short: few of its entries are ours. Errors that are dealt with keep no frames."""

import gc
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import cometrunway
from cometrunway import DownloadError, RetryPolicy, Session
from cometrunway.emulator import Emulator, Fault
from cometrunway.emulator._faults import FaultOperation
from cometrunway.errors import InvalidRequestError
from tests.samples import yawn

PACKAGE = Path(cometrunway.__file__).parent


def our_entries(error: BaseException) -> list[str]:
    """Return the functions of ours that an error's own traceback shows, without those of its causes."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.name for frame in frames if PACKAGE in Path(frame.filename).parents]


@pytest.mark.parametrize("journal", [None, "shots.db"])
async def test_a_refused_submission_shows_at_most_seven(tmp_path: Path, journal: str | None) -> None:
    """A submission that the server refuses shows at most seven entries of ours, with a journal and without."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.answer(400))
        path = journal and tmp_path / journal
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None, journal=path) as runway:
            with pytest.raises(InvalidRequestError) as caught:
                await runway.submit(yawn(), key="shot")
    assert 1 <= len(our_entries(caught.value)) <= 7, our_entries(caught.value)


async def test_a_failed_download_shows_none(tmp_path: Path) -> None:
    """The traceback of a task whose file cannot be had ends at the await: what lies below it has met a signed URL."""
    once = RetryPolicy(attempts=1)
    async with Emulator(refresh_urls=False) as emulator:
        emulator.script("asset", *[Fault.answer(404)] * 20)
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path, retry=once) as runway:
            handle = await runway.submit(yawn())
            with pytest.raises(DownloadError) as caught:
                await handle
    assert our_entries(caught.value) == []


@pytest.fixture
def uncollected() -> Iterator[Callable[[], set[str]]]:
    """Switch the garbage collector off. Return a function that names our types among what only it would free."""

    def names() -> set[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        types = {type(each) for each in gc.garbage}
        return {each.__qualname__ for each in types if each.__module__.startswith("cometrunway.")}

    gc.collect()
    gc.disable()
    yield names
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        *[("poll", fault) for fault in (Fault.html(), Fault.answer(500), Fault.answer(200, {}), Fault.drop_before())],
        *[("asset", fault) for fault in (Fault.short(), Fault.cut(0.5), Fault.answer(500), Fault.answer(404))],
        ("create", Fault.answer(429)),
    ],
    ids=lambda value: getattr(value, "name", value),
)
async def test_a_repeated_request_leaves_nothing_to_the_garbage_collector(
    tmp_path: Path, uncollected: Callable[[], set[str]], operation: FaultOperation, fault: Fault
) -> None:
    """The error of a request that is repeated is not in a cycle with the frames that hold the task or the file."""
    async with Emulator() as emulator:
        emulator.script(operation, fault)
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=tmp_path) as runway:
            for _ in range(3):
                await (await runway.submit(yawn()))
            assert sorted(uncollected()) == []
