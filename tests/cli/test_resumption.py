"""Going on from a journal alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cometrunway import Journal, Session, State, TextToVideo
from tests.cli.test_main import ledger, never_asked, run, shot, write
from tests.recorded import Recorded, record_now
from tests.served import served_by_emulator


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with served_by_emulator("--median", "0.5", "--not-exist", "0.2") as environment:
        yield environment


def test_what_has_failed_is_submitted_once_more_by_decision_only(served: dict[str, str], tmp_path: Path) -> None:
    """By a run, a run with `--retry-failed`, and `retry`: each says first what is paid for again."""
    failing = [shot(key=code, prompt_text=f"[fail {code}]") for code in ("INTERNAL", "SAFETY.INPUT.TEXT")]
    batch = ("run", write(tmp_path, shot(key="good"), *failing), "--journal", "shots.db")
    bought = 3
    for command, paid_again in (
        (batch, ""),
        (batch, ""),
        (
            (*batch, "--retry-failed"),
            "1 of 2 failed or cancelled shots is submitted once more, and paid for again: INTERNAL\n",
        ),
        ((*batch, "--retry-failed", "all"), "paid for again: INTERNAL, SAFETY.INPUT.TEXT\n"),
        (("retry", "shots.db"), "paid for again: INTERNAL\n"),
        (("retry", "shots.db", "SAFETY.INPUT.TEXT"), "paid for again: SAFETY.INPUT.TEXT\n"),
    ):
        ended = run(*command, folder=tmp_path, **served)
        assert ended.returncode == 1
        assert paid_again in ended.stderr
        bought += paid_again.count("INTERNAL") + paid_again.count("SAFETY")
        assert ledger(served)["creates"]["accepted"] == bought
    dry = run(*batch, "--retry-failed", "--dry-run", folder=tmp_path, **never_asked())
    assert "would submit 1 shot:" in dry.stderr


def test_a_retry_that_succeeds_is_delivered(tmp_path: Path) -> None:
    """Against a gateway that fails no more, the same journal ends with every file on disk."""
    name = write(tmp_path, shot(key="a"), shot(key="b"))
    with served_by_emulator("--median", "0.3", "--not-exist", "0", "--failure-rate", "1") as failing:
        assert run("run", name, "--journal", "shots.db", folder=tmp_path, **failing).returncode == 1
    with served_by_emulator("--median", "0.3", "--not-exist", "0", "--seed", "7") as served:
        assert run("retry", "shots.db", "--all", folder=tmp_path, **served).returncode == 0
        nothing = run("retry", "shots.db", folder=tmp_path, **served)
        named = run("retry", "shots.db", "b", folder=tmp_path, **served)
    assert (named.returncode, named.stderr) == (0, "nothing was sent: delivered already: b\n")
    assert (nothing.returncode, nothing.stderr) == (0, "nothing was sent: there is nothing to submit once more\n")
    assert sorted(file.name for file in (tmp_path / "outputs").iterdir()) == ["a.mp4", "b.mp4"]


def test_a_task_is_cancelled_by_its_key(served: dict[str, str], tmp_path: Path) -> None:
    """At a provider that can; each key has a line, and one that is not cancelled is status 1."""
    base_url, key = served["COMETRUNWAY_BASE_URL"], served["COMETAPI_KEY"]

    async def bought() -> None:
        async with Session(key, provider="runway", base_url=base_url, journal=tmp_path / "shots.db") as runway:
            for name in ("boat", "cat"):
                prompt = f"{name} [stuck]"
                request = TextToVideo(model="gen4.5", prompt_text=prompt, ratio="1280:720", duration=5)
                await runway.submit(request, key=name)
            await runway.close(wait=0)

    asyncio.run(bought())
    environment = {"RUNWAYML_BASE_URL": base_url, "RUNWAYML_API_SECRET": key, "COMETAPI_KEY": ""}
    told = run("cancel", "shots.db", "boat", "absent", "--provider", "runway", folder=tmp_path, **environment)
    assert (told.returncode, told.stdout) == (1, "boat: cancelled\nabsent: not in the journal\n")
    states = {entry.key: entry.state for entry in Journal.read(tmp_path / "shots.db")}
    assert states == {"boat": State.CANCELLED, "cat": State.ACCEPTED}


def test_nothing_owed_is_told(tmp_path: Path) -> None:
    """Without a key, for nothing is sent."""
    record_now(tmp_path / "shots.db", [Recorded(key="a")])
    ended = run("resume", "shots.db", folder=tmp_path, COMETAPI_KEY="")
    assert ended.returncode == 0
    assert ended.stdout.startswith("nothing is owed in shots.db; `cometrunway status shots.db`")
