"""A file that a command writes: it is complete, or is not there, and replaces only a file of its kind."""

import os
import re
import threading
from pathlib import Path
from typing import TextIO

import pytest

from cometrunway._cli._main import main
from cometrunway._cli._output import OutputKind, write_output
from tests.recorded import Recorded, record_now

KIND = OutputKind("a list", re.compile(b"before|B"))


def lines(stream: TextIO) -> None:
    """Write two lines, whose ends are those of their author."""
    stream.write("Bär\r\n熊\n")


def test_a_file_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    """It is UTF-8 with the line ends as they were written, and nothing else is left."""
    (tmp_path / "out.csv").write_text("before")
    write_output(tmp_path / "out.csv", lines, KIND)
    assert (tmp_path / "out.csv").read_bytes() == "Bär\r\n熊\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_what_cannot_be_written_whole_changes_nothing(tmp_path: Path) -> None:
    """The error names the file and the reason; a missing folder is not made."""

    def full(stream: TextIO) -> None:
        lines(stream)
        raise OSError(28, "No space left on device")

    (tmp_path / "out.csv").write_text("before")
    with pytest.raises(ValueError, match=r"cannot write .*out.csv: No space left on device"):
        write_output(tmp_path / "out.csv", full, KIND)
    with pytest.raises(ValueError, match=r"cannot write .*out.csv: No such file"):
        write_output(tmp_path / "absent" / "out.csv", lines, KIND)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "before")]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """It is not replaced by a file, no more than a device."""
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes().decode()))
    reader.start()
    write_output(pipe, lines, KIND)
    reader.join(10)
    assert read == ["Bär\r\n熊\n"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["shots.db", "shots.db-wal", "shots.db-shm", "shots.db.lock", "other.db"])
def test_an_export_replaces_no_journal(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only record of what was paid for cannot be written over by an export of it, or of another."""
    monkeypatch.chdir(tmp_path)
    for journal in ("shots.db", "other.db"):
        record_now(Path(journal), [Recorded(key="a")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"{name} is a journal or belongs to one; write to another file"):
        write_output(Path(name), lines, KIND)
    assert main(["export", "shots.db", "-o", name]) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before


@pytest.mark.parametrize(
    ("command", "name", "content", "kind"),
    [
        ("export", "shots.csv", "key,route,prompt_text\na,text_to_video,A fox\n", "an export"),
        ("export", "shots.jsonl", '{"key": "a", "route": "text_to_video", "prompt_text": "A fox"}\n', "an export"),
        ("export", "shots.csv", "\ufeffkey,route,prompt_text\n", "an export"),
        ("report", "figures.csv", "month,cost\n", "a report"),
        ("report", "index.html", "<!doctype html>\n<title>Our clips</title>\n", "a report"),
    ],
)
def test_a_file_of_another_kind_is_not_replaced(
    command: str,
    name: str,
    content: str,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Such as the shots of a batch. The error tells what to do; an empty file is replaced."""
    monkeypatch.chdir(tmp_path)
    record_now(Path("shots.db"), [Recorded(key="a")])
    Path(name).write_text(content, encoding="utf-8")
    assert main([command, "shots.db", "-o", name]) == 2
    assert (
        f"{name} exists and is not {kind}; choose another name with -o, or remove it first" in capsys.readouterr().err
    )
    assert Path(name).read_text(encoding="utf-8") == content
    Path(name).write_bytes(b"")
    assert main([command, "shots.db", "-o", name]) == 0


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "report.csv", "report.html"])
def test_what_a_command_wrote_is_replaced_by_the_next(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a key contains."""
    monkeypatch.chdir(tmp_path)
    record_now(Path("shots.db"), [Recorded(key='a "b", \\ c'), Recorded(key="d")])
    command = "report" if name.startswith("report") else "export"
    assert main([command, "shots.db", "-o", name]) == 0
    first = Path(name).read_bytes()
    assert main([command, "shots.db", "-o", name]) == 0
    assert Path(name).read_bytes() == first
