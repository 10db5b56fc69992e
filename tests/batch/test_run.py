"""One run of a batch: what became of each shot is known at any time, and why the run ended."""

import asyncio
import io
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Asset, Event, EventKind, ImageToVideo, Shot
from cometrunway._batch._rows import Row
from cometrunway._batch._run import BatchRun
from cometrunway.emulator import Emulator, Fault
from cometrunway.errors import BudgetError
from cometrunway.progress import QuietDisplay
from tests.samples import CAT, PNG


def batch(emulator: Emulator, shots: Sequence[Shot] | None, folder: Path, **more: Any) -> BatchRun:
    """Return a run on an emulator, whose display can be read."""
    options = {"api_key": emulator.api_key, "base_url": emulator.base_url, "output_dir": folder / "out"}
    options |= {name: more.pop(name) for name in ("journal", "budget", "max_in_flight") if name in more}
    display = QuietDisplay(len(shots or ()), more.pop("stream", io.StringIO()))
    return BatchRun(shots=shots, options=options, display=display, **more)


def at_first(number: int) -> Callable[[Event], None]:
    """Return an observer that sends a signal to this process when the first shot is submitted."""
    waiting = [number]

    def observe(event: Event) -> None:
        if event.kind is EventKind.SUBMITTED and waiting:
            signal.raise_signal(waiting.pop())

    return observe


def shots_of(*prompts: str) -> list[Shot]:
    """Return a shot for each prompt, with keys a, b, c and so on."""
    return [
        Shot(key, ImageToVideo(prompt_image=CAT, prompt_text=prompt))
        for key, prompt in zip("abcdef", prompts, strict=False)
    ]


async def test_each_shot_has_its_outcome(tmp_path: Path) -> None:
    """A shot that fails or is refused ends neither the others nor the run."""
    shots = shots_of("a cat", "[fail INTERNAL]", "a dog")
    (tmp_path / "gone.png").write_bytes(PNG)
    shots.append(Shot("gone", ImageToVideo(prompt_image=tmp_path / "gone.png")))
    (tmp_path / "gone.png").unlink()
    async with Emulator() as emulator:
        run = batch(emulator, shots, tmp_path)
        await run.run()
    assert {key: row.status for key, row in run.rows.items()} == {
        "a": "delivered",
        "b": "failed",
        "c": "delivered",
        "gone": "refused",
    }
    assert [row.key for row in run.unfinished] == ["b", "gone"]
    assert (run.stopped_by, run.owed, run.unsent) == (None, (), [])
    assert run.rows["a"].files == ("a.mp4",)


async def test_a_used_up_budget_ends_the_run(tmp_path: Path) -> None:
    """The shots that were not sent are known as such, and the same command may send them later."""
    async with Emulator() as emulator:
        run = batch(emulator, shots_of("1", "2", "3"), tmp_path, budget=1)
        await run.run()
        assert emulator.creates.received == 1
    assert isinstance(run.stopped_by, BudgetError)
    assert [row.key for row in run.unsent] == ["b", "c"]
    assert {key: row.status for key, row in run.rows.items()} == {"a": "delivered", "b": "waiting", "c": "waiting"}


async def test_a_first_ctrl_c_ends_the_submitting_only(tmp_path: Path) -> None:
    """Where a person reads that: what is paid for is waited for and delivered, and the rest is not sent."""
    stream = io.StringIO()
    async with Emulator(duration=20) as emulator:
        run = batch(
            emulator,
            shots_of("1", "2", "3"),
            tmp_path,
            max_in_flight=1,
            may_wait=True,
            observers=[at_first(signal.SIGINT)],
            stream=stream,
        )
        await run.run()
        assert emulator.creates.received == 1
    assert "stopping: nothing more is submitted; waiting for 1 task that is paid for" in stream.getvalue()
    assert {key: row.status for key, row in run.rows.items()} == {"a": "delivered", "b": "waiting", "c": "waiting"}
    assert (run.interrupted, run.stopped_by) == (True, None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_leaves_and_says_what_is_owed(number: int, tmp_path: Path) -> None:
    """Where no person reads the offer to wait. A later run takes it up from the journal and pays for nothing."""
    journal = tmp_path / "shots.db"
    async with Emulator(duration=20) as emulator:
        left = batch(emulator, shots_of("1"), tmp_path, journal=journal, observers=[at_first(number)])
        running = asyncio.create_task(left.run())
        await asyncio.wait([running])
        assert running.cancelled()
        assert [handle.key for handle in left.owed] == ["a"]
        assert left.rows["a"].status == "owed"
        later = batch(emulator, None, tmp_path, journal=journal)
        await later.run()
        assert {key: (row.status, row.is_found) for key, row in later.rows.items()} == {"a": ("delivered", True)}
        assert emulator.creates.received == 1


async def test_a_failed_shot_is_paid_for_again_only_if_it_is_named(tmp_path: Path) -> None:
    """A run with the same journal finds what has ended."""
    shots = shots_of("[fail INTERNAL]", "[fail INTERNAL] too")
    async with Emulator() as emulator:
        for again in (set[str](), set[str](), {"b"}):
            run = batch(emulator, shots, tmp_path, journal=tmp_path / "shots.db", again=again)
            await run.run()
            assert [row.status for row in run.rows.values()] == ["failed", "failed"]
        assert emulator.creates.received == 3


async def test_a_lost_answer_leaves_its_shot_in_doubt(tmp_path: Path) -> None:
    """It is told apart from a refused one: it may have been paid for, and is not sent by the next run."""
    async with Emulator() as emulator:
        emulator.script("create", Fault.drop_after())
        for _ in range(2):
            run = batch(emulator, shots_of("1"), tmp_path, journal=tmp_path / "shots.db")
            await run.run()
            assert [(row.status, row.is_unsent) for row in run.rows.values()] == [("in_doubt", False)]
        assert emulator.creates.received == 1


async def test_a_bug_with_one_shot_ends_no_other(tmp_path: Path) -> None:
    """It is shown as a bug, which is no failure of the task."""

    class Broken(Row):
        def deliver(self, assets: Iterable[Asset]) -> None:
            raise KeyError("broken")

    stream = io.StringIO()
    async with Emulator() as emulator:
        run = batch(emulator, shots_of("1", "2"), tmp_path, stream=stream)
        run.rows["a"] = Broken(key="a", route="image_to_video")
        await run.run()
    assert "a failed by a bug of cometrunway: KeyError('broken')" in stream.getvalue()
    assert run.rows["b"].status == "delivered"


async def test_an_emulator_of_its_own_needs_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And costs nothing."""
    monkeypatch.delenv("COMETAPI_KEY", raising=False)
    display = QuietDisplay(1, io.StringIO())
    run = BatchRun(shots=shots_of("1"), options={"output_dir": tmp_path}, display=display, emulated=True)
    await run.run()
    assert [row.status for row in run.rows.values()] == ["delivered"]
