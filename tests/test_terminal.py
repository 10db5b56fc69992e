"""Text that is shown, and streams that take no more of it."""

import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TextIO

import pytest

from cometrunway._terminal import say, writing
from tests.recorded import Recorded, record_now
from tests.served import in_shell

NOISE = re.compile("Traceback|Exception ignored|Errno|a bug")
BUFFERED = {**os.environ, "PYTHONUNBUFFERED": "", "COMETAPI_KEY": "sk-x"}
"""Python's streams, other than where this says so, fail as late as at its end."""
COMMANDS = [
    "status shots.db",
    "status shots.db --json",
    "export shots.db",
    "export shots.db --format csv",
    "completion bash",
    "run shots.jsonl --dry-run",
]
"""Whose standard output is what they are for."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a batch, and a journal of it that is larger than what a pipe holds."""
    record_now(tmp_path / "shots.db", (Recorded(key=f"shot-{n}", prompt=f"{n} " + "cat " * 100) for n in range(400)))
    line = '{"route": "image_to_video", "promptImage": "https://example.com/cat.jpg", "promptText": "a cat"}\n'
    (tmp_path / "shots.jsonl").write_text(line * 400)
    return tmp_path


@pytest.mark.parametrize(
    ("lost", "buffering"),
    [("| true", ""), ("| head -c 1", ""), ("| head -c 1", "PYTHONUNBUFFERED=1"), (">&- 2>&- <&-", "")],
)
def test_who_reads_no_further_has_seen_enough(lost: str, buffering: str, folder: Path) -> None:
    """Nothing is complained of, and the status is 0."""
    lines = [f"{buffering} cometrunway {command} {lost}" for command in [*COMMANDS, "gallery shots.db", "--help"]]
    for ended in in_shell(*lines, folder=folder, environment=BUFFERED):
        assert ended.returncode == 0, f"{ended.args}: {ended.stderr}"
        assert not NOISE.search(ended.stderr)


def test_output_that_cannot_be_written_is_an_error(folder: Path) -> None:
    """Where it is the purpose, a full disk ends the command with status 2 and one line that names the stream."""
    lines = [f"cometrunway {command} >/dev/full" for command in COMMANDS]
    for ended in in_shell(*lines, folder=folder, environment=BUFFERED):
        assert ended.returncode == 2, ended.args
        assert "standard output: No space left on device" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_complaints_that_cannot_be_written_change_no_status(folder: Path) -> None:
    """A wrong use stays 2, and what succeeds 0, whatever becomes of standard error."""
    for lost in ("2>/dev/full", "2>&-", "2> >(true)"):
        wrong = [f"cometrunway {line} {lost}" for line in ("status absent.db", "status absent.db --debug", "dance")]
        right = [f"cometrunway {line} {lost}" for line in ("run shots.jsonl --dry-run", "status shots.db --debug")]
        for ended in in_shell(*wrong, *right, folder=folder, environment=BUFFERED):
            status = 2 if "absent" in ended.args[2] or "dance" in ended.args[2] else 0
            assert ended.returncode == status, ended.args


def test_a_page_that_is_written_is_no_failure(folder: Path) -> None:
    """`gallery` is for its file: that its URL cannot be told is said, and is no error."""
    [ended] = in_shell("cometrunway gallery shots.db >/dev/full", folder=folder, environment=BUFFERED)
    assert ended.returncode == 0
    assert "cannot be written: No space left on device" in ended.stderr
    assert (folder / "gallery.html").exists()


def test_an_export_to_a_file_needs_its_disk(folder: Path) -> None:
    """A file that cannot be written whole is an error that names it, and a file that was there before stays."""
    before = "\ufeffkey,route,state,\n"
    (folder / "out.csv").write_text(before, encoding="utf-8")
    [ended] = in_shell("ulimit -f 64; cometrunway export shots.db -o out.csv", folder=folder, environment=BUFFERED)
    assert ended.returncode == 2
    assert "cannot write out.csv: File too large" in ended.stderr
    assert (folder / "out.csv").read_text(encoding="utf-8") == before


def test_an_export_takes_the_place_of_no_device(folder: Path) -> None:
    """A device or a pipe that -o names is written to, and is there afterwards."""
    full, pipe = in_shell(
        "cometrunway export shots.db -o /dev/full",
        "cometrunway export shots.db -o >(wc -l >lines) && wait $! && cat lines",
        folder=folder,
        environment=BUFFERED,
    )
    assert full.returncode == 2
    assert "No space left on device" in full.stderr
    assert Path("/dev/full").is_char_device()
    assert (pipe.returncode, pipe.stdout.strip()) == (0, "400")


class Failing(io.StringIO):
    """A stream that takes nothing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE, errno.ENXIO, errno.EBADF, errno.ENOSPC, errno.EDQUOT])
def test_standard_error_raises_nothing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with it."""
    monkeypatch.setattr("sys.stderr", stream := Failing(number))
    say("x", stream)


def test_a_disk_that_fails_is_not_a_reader_that_is_gone() -> None:
    """EIO of a terminal is its end, EIO of anything else an error."""
    with redirect_stdout(Failing(errno.EIO)), pytest.raises(OSError, match="Input/output"):
        say("x")


@pytest.fixture
def hung_up() -> Iterator[TextIO]:
    """A terminal whose other end is closed."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        os.close(ours)
        yield stream


def test_a_terminal_that_is_gone_ends_the_block(hung_up: TextIO) -> None:
    """What follows is not done, and what is written later goes nowhere."""
    with writing(hung_up):
        print("x", file=hung_up, flush=True)
        pytest.fail("it was written")
    print("x", file=hung_up, flush=True)
