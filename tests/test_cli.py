"""The command, as a process: what it prints, what it leaves on disk, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

COMMAND = [sys.executable, "-m", "cometrunway"]
CAT = "https://example.com/cat.jpg"


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a folder."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def served() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with subprocess.Popen(
        [*COMMAND, "emulator", "--median", "0.5", "--not-exist", "0.2"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield {"COMETRUNWAY_BASE_URL": ready["base_url"], "COMETAPI_KEY": ready["api_key"]}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def write(folder: Path, *shots: object) -> str:
    """Write a batch file and return its name."""
    lines = [shot if isinstance(shot, str) else json.dumps(shot) for shot in shots]
    (folder / "shots.jsonl").write_text("\n".join(lines) + "\n")
    return "shots.jsonl"


def shot(**fields: object) -> dict[str, object]:
    """Return a line that is right."""
    return {"route": "image_to_video", "promptImage": CAT, **fields}


def test_the_demo_leaves_videos(tmp_path: Path) -> None:
    """The demo ends well, prints a row for each of its shots, and leaves their files."""
    ended = run("demo", folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    files = list((tmp_path / "outputs").iterdir())
    assert len(files) == 25
    assert all(file.name in ended.stdout for file in files)
    for route in ("image_to_video", "text_to_image", "video_to_video", "video_upscale", "character_performance"):
        assert route in ended.stdout
    for route in ("pro_generate", "pro_video2video", "pro_act_one"):
        assert route in ended.stdout
    assert "COMETAPI_KEY" in ended.stdout


def test_a_batch_runs_against_the_environments_server(served: dict[str, str], tmp_path: Path) -> None:
    """A file's shots are submitted to COMETRUNWAY_BASE_URL with COMETAPI_KEY, and end in --output-dir."""
    name = write(tmp_path, shot(key="one"), shot(prompt_text="it yawns"))
    ended = run("run", name, "--output-dir", "clips", folder=tmp_path, **served)
    assert ended.returncode == 0, ended.stderr
    assert sorted(file.name for file in (tmp_path / "clips").iterdir()) == ["one.mp4", "shots-0002.mp4"]
    assert "2 of 2 shots succeeded" in ended.stdout


def test_a_failed_task_is_status_1(served: dict[str, str], tmp_path: Path) -> None:
    """When one task fails the others are delivered, its reason is shown, and the status is 1."""
    name = write(tmp_path, shot(key="good"), shot(key="bad", promptText="[fail INTERNAL]"))
    ended = run("run", name, folder=tmp_path, **served)
    assert ended.returncode == 1
    assert "INTERNAL" in ended.stderr
    assert (tmp_path / "outputs" / "good.mp4").exists()


def test_run_can_bring_its_own_server(tmp_path: Path) -> None:
    """--emulator needs neither a key nor a URL."""
    name = write(tmp_path, shot())
    ended = run("run", name, "--emulator", folder=tmp_path, COMETAPI_KEY="", COMETRUNWAY_BASE_URL="")
    assert ended.returncode == 0, ended.stderr


def test_every_wrong_line_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    """All bad lines are listed with file and line number, the status is 2, and nothing was submitted."""
    name = write(
        tmp_path,
        shot(),
        "{not json",
        shot(promt_text="typing error"),
        "",
        shot(route="image_to_vdieo"),
        shot(key="twice"),
        shot(key="twice"),
        shot(promptImage="missing.png"),
        "[]",
    )
    ended = run("run", name, "--emulator", folder=tmp_path)
    assert ended.returncode == 2
    for line in (2, 3, 5, 7, 8, 9):
        assert f"shots.jsonl:{line}:" in ended.stderr
    assert "prompt_text" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["run", "absent.jsonl"], "absent.jsonl"),
        (["run", "."], "directory"),
        (["run", "empty.jsonl"], "no shot"),
        (["run"], "SHOTS"),
        (["dance"], "dance"),
        ([], "COMMAND"),
        (["run", "shots.jsonl", "--base-url", "nonsense"], "base_url"),
        (["run", "shots.jsonl"], "COMETAPI_KEY"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], reason: str, tmp_path: Path) -> None:
    """Wrong use ends with status 2, one line that names the thing, and no traceback."""
    write(tmp_path, shot())
    (tmp_path / "empty.jsonl").touch()
    key = "" if reason == "COMETAPI_KEY" else "sk-x"
    ended = run(*arguments, folder=tmp_path, COMETAPI_KEY=key)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refused_key_stops_the_batch(served: dict[str, str], tmp_path: Path) -> None:
    """With a wrong key the reason is said, the status is 1, and the shots that were not sent are shown as such."""
    name = write(tmp_path, *(shot(key=str(number)) for number in range(100)))
    ended = run("run", name, folder=tmp_path, **{**served, "COMETAPI_KEY": "sk-wrong"})
    assert ended.returncode == 1
    assert "stopped" in ended.stderr
    assert "not submitted" in ended.stdout
    assert "sk-wrong" not in ended.stdout + ended.stderr


def test_ctrl_c_says_what_is_owed(tmp_path: Path) -> None:
    """Ctrl-C in the demo ends it within three seconds, without a traceback, and lists what is still owed."""
    with subprocess.Popen(
        [*COMMAND, "demo"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()  # the first shot is done, so others are under way
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        assert time.monotonic() - interrupted < 3
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "still owed" in errors


def test_a_batch_run_again_buys_nothing(served: dict[str, str], tmp_path: Path) -> None:
    """With a journal the second run of a batch is done at once; status counts, and export writes all of it."""
    name = write(tmp_path, shot(key="good"), shot(key="bad", promptText="[fail INTERNAL]"))
    first, second = (run("run", name, "--journal", "shots.db", folder=tmp_path, **served) for _ in range(2))
    assert first.returncode == second.returncode == 1
    assert first.stdout.splitlines()[1].split()[:3] == second.stdout.splitlines()[1].split()[:3]
    counts = json.loads(run("status", "shots.db", "--json", folder=tmp_path).stdout)
    assert counts["creates"] == {"image_to_video": 2}
    assert {name: counts[name] for name in ("total", "succeeded", "failed", "owed", "in_doubt")} == {
        "total": 2,
        "succeeded": 1,
        "failed": 1,
        "owed": 0,
        "in_doubt": 0,
    }
    assert "bad  image_to_video" in run("status", "shots.db", folder=tmp_path).stdout
    records = [json.loads(line) for line in run("export", "shots.db", folder=tmp_path).stdout.splitlines()]
    assert [record["key"] for record in records] == ["good", "bad"]
    assert run("export", "shots.db", "--format", "csv", "-o", "shots.csv", folder=tmp_path).returncode == 0
    assert (tmp_path / "shots.csv").read_text().splitlines()[1].startswith("good,image_to_video,succeeded,")


def test_a_doubt_is_shown_and_can_be_ended(tmp_path: Path) -> None:
    """A lost answer is in doubt until the user says what became of it; then the batch can be finished."""
    command = [*COMMAND, "emulator", "--median", "0.3", "--not-exist", "0", "--fault", "create:lost=1"]
    name = write(tmp_path, shot(key="lost"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        served = {"COMETRUNWAY_BASE_URL": ready["base_url"], "COMETAPI_KEY": ready["api_key"]}
        ended = run("run", name, "--journal", "shots.db", folder=tmp_path, **served)
        assert ended.returncode == 1
        assert "1 in doubt" in ended.stdout
        assert "lost" in run("status", "shots.db", folder=tmp_path).stdout
        with urlopen(f"{ready['base_url']}/__emulator__/ledger") as answer:  # noqa: S310 - our own process
            [task] = json.load(answer)["entries"]
        assert run("resolve", "shots.db", "lost", "--task-id", task["id"], folder=tmp_path).returncode == 0
        ended = run("resume", "shots.db", folder=tmp_path, **served)
        process.terminate()
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "outputs" / "lost.mp4").exists()


@pytest.mark.parametrize(
    "arguments",
    [["status", "absent.db"], ["resume", "absent.db"], ["export", "absent.db"], ["resolve", "absent.db", "k"]],
)
def test_a_journal_that_is_not_there_is_not_made(arguments: list[str], tmp_path: Path) -> None:
    """The commands on journals name the file that is missing, and make none."""
    more = ["--not-created"] if arguments[0] == "resolve" else []
    ended = run(*arguments, *more, folder=tmp_path, COMETAPI_KEY="sk-x")
    assert ended.returncode == 2
    assert "absent.db" in ended.stderr
    assert list(tmp_path.iterdir()) == []
