"""A batch whose terminal or readers go away: its exit status tells of the shots, whatever can be written."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.served import COMMAND, in_shell, served_by_emulator

CAT = "https://example.com/cat.jpg"
IGNORING_HANGUP = ["sh", "-c", 'trap "" HUP; exec "$0" "$@"']
ON_ITS_OWN_TERMINAL = ["setsid", "--ctty"]
NOISE = re.compile("Traceback|Exception ignored|Logging error|Errno|a bug")
LOST = [
    "| true",
    "| head -c 1",
    ">&-",
    ">/dev/full",
    "1</dev/null",
    "2>&-",
    "2>/dev/full",
    "2> >(true)",
    ">&- 2>&- <&-",
]
"""What the shell can do to a command's streams."""


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """An emulator in a process of its own; yields the environment that points at it."""
    with served_by_emulator("--median", "1", "--sigma", "0.1", "--not-exist", "0.2") as environment:
        yield environment


@pytest.fixture
def environment(served: dict[str, str]) -> dict[str, str]:
    """Python's streams may fail as late as at its end."""
    return {**os.environ, **served, "TERM": "xterm-256color", "PYTHONUNBUFFERED": ""}


def batch(folder: Path, *prompts: str) -> list[str]:
    """Write a batch of so many shots; return the command that runs it."""
    shots = [
        {"route": "image_to_video", "key": f"shot-{number}", "promptImage": CAT, "promptText": prompt}
        for number, prompt in enumerate(prompts)
    ]
    (folder / "shots.jsonl").write_text("\n".join(map(json.dumps, shots)))
    return ["run", "shots.jsonl", "--journal", "shots.db"]


class Terminal:
    """A command with all its streams on a terminal of its own, which can be cut."""

    def __init__(self, *command: str, folder: Path, environment: dict[str, str], hangup: bool = False) -> None:
        self._screen, theirs = pty.openpty()
        wrapped = [*([] if hangup else IGNORING_HANGUP), *ON_ITS_OWN_TERMINAL, *COMMAND, *command]
        streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        self.process = subprocess.Popen(wrapped, cwd=folder, env=environment, **streams)
        os.close(theirs)
        self.shown = ""

    def read_until(self, pattern: str) -> None:
        """Read what is shown until it matches."""
        while not re.search(pattern, self.shown):
            try:
                self.shown += os.read(self._screen, 65536).decode("utf-8", "replace")
            except OSError:  # EIO: the command has ended
                pytest.fail(f"{pattern!r} was never shown, but {self.shown!r}")

    def cut(self) -> int:
        """Take the terminal away; return the exit status of the command."""
        os.close(self._screen)
        return self.process.wait(30)


@pytest.mark.parametrize(
    ("options", "begun", "prompt", "status"),
    [
        ([], "1 running", "a cat", 0),
        ([], "1 running", "[fail INTERNAL]", 1),
        (["--debug"], "1 running", "[fail INTERNAL]", 1),
        (["--json"], '"submitted"', "a cat", 0),
        (["--json", "--debug"], "submitted", "[fail INTERNAL]", 1),
    ],
)
def test_a_lost_terminal_changes_no_status(
    options: list[str], begun: str, prompt: str, status: int, environment: dict[str, str], tmp_path: Path
) -> None:
    """After `disown` and a cut line the batch goes on to its end, and its status is that of its shots."""
    terminal = Terminal(*batch(tmp_path, prompt), *options, folder=tmp_path, environment=environment)
    terminal.read_until(begun)
    assert terminal.cut() == status
    assert len(list((tmp_path / "outputs").glob("*.mp4"))) == 1 - status


def test_a_plain_terminal_can_be_lost_too(environment: dict[str, str], tmp_path: Path) -> None:
    """So it is where the progress is shown as lines, and where nothing was shown before."""
    environment = {**environment, "TERM": "dumb"}
    terminal = Terminal(*batch(tmp_path, "[fail A]", "a cat [seconds 2]"), folder=tmp_path, environment=environment)
    terminal.read_until("1/2")
    assert terminal.cut() == 1
    assert [file.name for file in (tmp_path / "outputs").iterdir()] == ["shot-1.mp4"]


def test_a_terminal_that_was_never_written_to_can_be_lost(environment: dict[str, str], tmp_path: Path) -> None:
    """With --quiet the only line, that of the failure, meets a terminal that is gone."""
    terminal = Terminal(*batch(tmp_path, "[fail A]"), "--quiet", folder=tmp_path, environment=environment)
    while not (tmp_path / "shots.db").exists():
        assert terminal.process.poll() is None
    assert terminal.cut() == 1


def test_resume_outlives_its_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """Owed tasks are delivered, with status 0, also without a reader."""
    first = Terminal(*batch(tmp_path, "a cat [seconds 15]"), folder=tmp_path, environment=environment)
    first.read_until("1 running")
    first.process.kill()
    first.cut()
    second = Terminal("resume", "shots.db", folder=tmp_path, environment=environment)
    second.read_until("1 running")
    assert second.cut() == 0
    assert (tmp_path / "outputs" / "shot-0.mp4").exists()


def test_the_demo_outlives_its_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """It makes its page too."""
    terminal = Terminal("demo", folder=tmp_path, environment=environment)
    terminal.read_until("running")
    assert terminal.cut() == 0
    assert (tmp_path / "outputs" / "gallery.html").exists()


def test_a_hangup_that_is_not_ignored_leaves_the_batch(environment: dict[str, str], tmp_path: Path) -> None:
    """The signal of a terminal that ends makes its status 130, as SIGTERM does; the journal knows what is owed."""
    command = batch(tmp_path, "a cat [seconds 60]")
    terminal = Terminal(*command, folder=tmp_path, environment=environment, hangup=True)
    terminal.read_until("1 running")
    assert terminal.cut() == 130
    counts = subprocess.check_output([*COMMAND, "status", "shots.db", "--json"], cwd=tmp_path)
    assert json.loads(counts)["owed"] == 1


@pytest.mark.parametrize(
    ("options", "unbuffered", "lost"),
    [("", "", LOST), ("", "1", LOST[:4]), ("--json", "", LOST[:5]), ("--debug", "", LOST[5:])],
    ids=["text", "unbuffered", "json", "debug"],
)
def test_a_lost_stream_changes_no_status(
    options: str, unbuffered: str, lost: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    """A batch with a failed shot ends with 1, whichever stream is closed, full or not read."""
    run = " ".join(batch(tmp_path, "[fail INTERNAL]", "a cat")[:2])
    environment["PYTHONUNBUFFERED"] = unbuffered
    lines = [f"cometrunway {run} {options} --output-dir {number} {cut}" for number, cut in enumerate(lost)]
    for number, ended in enumerate(in_shell(*lines, folder=tmp_path, environment=environment)):
        assert ended.returncode == 1, f"{ended.args}: {ended.stderr}"
        assert not NOISE.search(ended.stderr)
        assert (tmp_path / str(number) / "shot-1.mp4").exists()


def test_the_demo_needs_no_stream(environment: dict[str, str], tmp_path: Path) -> None:
    """It succeeds whether it can tell so or not."""
    lines = [f"cometrunway demo --output-dir {number} {LOST[number]}" for number in (1, 3, 6, 8)]
    for ended in in_shell(*lines, folder=tmp_path, environment=environment):
        assert ended.returncode == 0, f"{ended.args}: {ended.stderr}"
        assert not NOISE.search(ended.stderr)


def test_what_is_owed_is_told_on_the_stream_that_is_left(environment: dict[str, str], tmp_path: Path) -> None:
    """A full disk under standard output keeps nothing from standard error."""
    (tmp_path / "made").touch()
    run = " ".join([*batch(tmp_path, "a cat"), "--output-dir", ".", "--template", "made/{key}"])
    [ended] = in_shell(f"cometrunway {run} >/dev/full", folder=tmp_path, environment=environment)
    assert ended.returncode == 1
    assert "the outcome cannot be written: No space left on device" in ended.stderr
    assert "cometrunway resume shots.db" in ended.stderr
