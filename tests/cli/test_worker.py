"""The commands of a fleet, as processes: a worker, a batch that is queued, and what they tell."""

import asyncio
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from cometrunway._cli._main import main
from cometrunway._requests._routes import Request
from cometrunway.errors import JournalUnavailableError
from cometrunway.fleet import Fleet
from tests.emulator_process import ROOT, running_emulator
from tests.fleet.workers import new_fleet, until, worker
from tests.postgres import VARIABLE, Server
from tests.samples import yawn

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
CAT = {"route": "image_to_video", "key": "cat", "prompt_image": "https://example.com/cat.jpg", "prompt_text": "yawns"}
SHOTS = [CAT, {**CAT, "key": "dog", "prompt_text": "[fail INTERNAL]"}]


def test_a_batch_is_queued_and_made_by_a_worker(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], bucket: str
) -> None:
    """`run --dsn` waits for the files, in a bucket, and names what failed; a second run queues nothing."""
    dsn = new_fleet(postgres, lease=3)
    (tmp_path / "shots.jsonl").write_text("\n".join(map(json.dumps, SHOTS)))
    assert main(["fleet", "limits", dsn, "--creates-per-second", "50"]) == 0
    assert "creates: 50 a second; polls: no limit" in capsys.readouterr().out
    assert main(["fleet", "tenant", dsn, "acme", "--creates", "5"]) == 0
    assert "tenant acme: 0 of 5 creates" in capsys.readouterr().out
    assert main(["fleet", "pause", dsn, "--tenant", "acme"]) == 0
    with running_emulator() as emulator:
        process = worker(emulator, dsn, tmp_path, "--name", "first", "--output-dir", bucket)
        run = [sys.executable, "-m", "cometrunway", "run", str(tmp_path / "shots.jsonl"), "--dsn", dsn]
        ran = [subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False) for _ in range(2)]
        asyncio.run(until(partial(_is_idle, dsn)))  # a worker says every second or two what it does
        assert main(["fleet", "status", dsn]) == 0
        status = capsys.readouterr().out
        process.terminate()
        assert process.wait(10) == 0
        accepted = emulator.books()["creates"]["accepted"]
    assert [each.returncode for each in ran] == [1, 1]
    assert "2 queued, 0 queued or submitted before" in ran[0].stderr
    assert "0 queued, 2 queued or submitted before" in ran[1].stderr
    assert f"{bucket}/cat.mp4" in ran[0].stdout
    assert "dog: " in ran[0].stderr
    assert "1 delivered; 1 failed, in doubt or refused" in ran[0].stderr
    assert accepted == 2
    assert "1 worker, 0 in flight, 0 queued, 0 of paused tenants" in status
    assert "creates: 50 a second" in status
    assert "tenant acme: 0 of 5 creates, paused" in status
    assert main(["fleet", "status", dsn, "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["counts"] == {"failed": 1}
    log = (tmp_path / "workers.log").read_text()
    assert "2 submitted, 1 downloaded, 1 failed; 0 left to other workers" in log
    assert "canary-password" not in status + told + log + "".join(each.stdout + each.stderr for each in ran)


async def _is_idle(dsn: str) -> bool:
    async with Fleet(dsn) as fleet:
        return [worker.in_flight for worker in (await fleet.status()).workers] == [0]


def test_limits_are_removed_only_if_that_is_said(postgres: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a limit, or with one beside `--none`, nothing is changed; `--json` shows the limits as objects."""
    limits = ["fleet", "limits", new_fleet(postgres, lease=30)]
    assert main([*limits, "--creates-at-once", "5"]) == 0
    for unclear in ([], ["--none", "--creates-at-once", "6"]):
        assert main([*limits, *unclear]) == 2
        assert "--none to remove all" in capsys.readouterr().err
    assert main(["fleet", "status", limits[-1]]) == 0
    assert "creates: no limit, 5 at once" in capsys.readouterr().out
    assert main(["fleet", "status", limits[-1], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["creates"] == {"per_second": None, "at_once": 5, "is_paused": False}
    assert main([*limits, "--none"]) == 0
    assert "creates: no limit; polls" in capsys.readouterr().out


def test_a_batch_without_a_worker_is_told(postgres: Server, tmp_path: Path) -> None:
    """The shots are queued, and the command that starts a worker is named before the wait."""
    shots, dsn = tmp_path / "shots.jsonl", new_fleet(postgres, lease=30)
    shots.write_text(json.dumps(CAT))
    run = [sys.executable, "-m", "cometrunway", "run", str(shots), "--dsn", dsn]
    with subprocess.Popen(run, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(2)]
        process.terminate()
    assert "1 queued" in told[0]
    assert told[1].startswith("no worker runs now; to start one:  cometrunway worker --dsn postgresql://")
    assert "canary-password" not in told[1]


def test_a_shot_that_cannot_be_queued_does_not_keep_the_others(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its key belongs to another request; all others are queued, and waited for."""
    shots, dsn = tmp_path / "shots.jsonl", new_fleet(postgres, lease=30)
    shots.write_text("\n".join(map(json.dumps, SHOTS)))
    Fleet(dsn).submit_blocking(yawn(), key="cat")
    with running_emulator() as emulator:
        worker(emulator, dsn, tmp_path)
        assert main(["run", str(shots), "--dsn", dsn]) == 1
    told = capsys.readouterr().err
    assert "cat: the key 'cat' belongs to another request; nothing was queued" in told
    assert "1 queued, 0 queued or submitted before, 1 not queued" in told
    assert "0 delivered; 2 failed" in told


def test_what_was_queued_before_an_error_is_told(
    postgres: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers make it, whatever becomes of the others."""
    shots, dsn = tmp_path / "shots.jsonl", new_fleet(postgres, lease=30)
    shots.write_text("\n".join(map(json.dumps, SHOTS)))
    submit = Fleet.submit

    async def away(fleet: Fleet, request: Request, *, key: str) -> bool:
        if key == "dog":
            raise JournalUnavailableError("the database is away")
        return await submit(fleet, request, key=key)

    monkeypatch.setattr(Fleet, "submit", away)
    assert main(["run", str(shots), "--dsn", dsn]) == 2
    told = capsys.readouterr().err
    assert "1 queued before this error, which workers make; the same command queues the others" in told
    assert "error: the database is away" in told


def test_what_is_the_workers_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Options that would have no effect on workers are named."""
    shots = tmp_path / "shots.jsonl"
    shots.write_text(json.dumps(CAT))
    run = ["run", str(shots), "--dsn", "postgresql://me@localhost/shop"]
    assert main([*run, "--journal", str(tmp_path / "shots.db"), "--budget", "3"]) == 2
    assert "--journal, --budget is for a run of its own" in capsys.readouterr().err


def test_a_database_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with no traceback."""
    assert main(["fleet", "status", "postgresql://me@127.0.0.1:9/shop?connect_timeout=1"]) == 2
    assert "cannot be" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["worker", "--dsn"], ["fleet", "status"]])
def test_a_missing_extra_is_named(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is wrong use, and no bug: the message has what to install."""
    for name in [name for name in sys.modules if name.startswith("cometrunway.fleet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    assert main([*command, "postgresql://me@localhost/shop"]) == 2
    assert "pip install 'cometrunway[fleet]' (there is no procrastinate)" in capsys.readouterr().err
