"""The state of a task at a moment, as a poll may see it."""

import asyncio
from typing import Any

import pytest

from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._signing import Signer
from cometrunway.emulator._views import Observer, output_names
from tests.emulator.test_server import running
from tests.emulator.test_tasks import task


def observer(progress: Any = "good") -> Observer:
    """Return an observer on the clock of this loop."""
    epoch = Epoch(asyncio.get_running_loop())
    signer = Signer(secret=b"s", epoch=epoch, lifetime=60.0, refresh=True)
    signer.base_url = "http://127.0.0.1:1"
    return Observer(epoch=epoch, signer=signer, progress=progress)


async def test_a_view_knows_nothing_of_what_comes() -> None:
    """Before a task has started or ended there are no times of that, and no files."""
    watch = observer()
    seen = {moment: watch.view(task(), moment) for moment in (0.0, 5.0, 10.0)}
    assert [view.status for view in seen.values()] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert [view.started is None for view in seen.values()] == [True, False, False]
    assert [view.finished is None for view in seen.values()] == [True, True, False]
    assert [len(view.outputs) for view in seen.values()] == [0, 0, 1]
    assert (seen[5.0].updated - seen[0.0].updated).total_seconds() == 5


async def test_only_a_success_has_files() -> None:
    """One that failed or was cancelled has none, and only the failed one has a reason."""
    for outcome, failure in (("FAILED", "no luck"), ("CANCELLED", None)):
        view = observer().view(task(outcome=outcome, failure=failure), 20.0)
        assert (view.outputs, view.url, view.poster, view.last_frame) == ((), None, None, None)
        assert view.failure == failure
    assert observer().view(task(outcome="FAILED", failure="no luck"), 5.0).failure is None


def test_several_files_are_numbered_from_the_second() -> None:
    """As the API lists them."""
    assert output_names(task(file_count=3, suffix=".png")) == ["output.png", "output-2.png", "output-3.png"]


@pytest.mark.parametrize(("progress", "said"), [("none", None), ("coarse", 0.25), ("good", 0.412)])
async def test_progress_is_as_good_as_asked(progress: str, said: float | None) -> None:
    """Polls say nothing of progress, or quarters, or three digits."""
    async with running(progress=progress) as caller:
        task_id = await caller.create()
        await asyncio.sleep(5)
        assert (await caller.poll(task_id)).get("progress") == said
