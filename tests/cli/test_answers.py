"""The command `explain-answer`."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.answers import ANSWERS
from tests.served import COMMAND

URL = "https://cdn.example.com/v.mp4"


def explained(body: Any, *options: str, folder: Path) -> tuple[int, str]:
    """Return the exit status and what the command prints of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    ended = subprocess.run(
        [*COMMAND, "explain-answer", "-", *options], cwd=folder, input=content, capture_output=True, check=False
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def test_it_says_what_was_found_and_where(tmp_path: Path) -> None:
    """Status, progress, reason and files are named with their places, and URLs without what is signed."""
    body = {"data": {"state": "success", "progress": "99%", "videoInfo": {"videoUrl": f"{URL}?sig=secret"}}}
    status, told = explained(body, folder=tmp_path)
    assert status == 0
    assert "SUCCEEDED   (data.state)" in told
    assert "progress  99%" in told
    assert f"{URL}   (data.videoInfo.videoUrl)" in told
    assert "secret" not in told
    status, told = explained({"status": "failed", "errors": [{"message": "no luck"}]}, folder=tmp_path)
    assert status == 0
    assert "no luck   (errors)" in told


def test_what_was_sent_is_no_output(tmp_path: Path) -> None:
    """With the request its URLs are known; without it only keys that speak of outputs count, and it says so."""
    body = {"status": "SUCCEEDED", "metadata": {"url": URL}}
    assert "--request" in explained(body, folder=tmp_path)[1]
    (tmp_path / "request.json").write_text(json.dumps({"promptImage": "https://example.com/in.png"}))
    assert URL in explained(body, "--request", "request.json", folder=tmp_path)[1]
    (tmp_path / "request.json").write_text(json.dumps({"promptVideo": URL}))
    assert "file      none" in explained(body, "--request", "request.json", folder=tmp_path)[1]


@pytest.mark.parametrize(("body", "told"), [(b"<html>", "ProtocolError"), ({"a": 1}, "UNKNOWN")])
def test_what_says_nothing_of_a_task_is_an_exit_status(body: Any, told: str, tmp_path: Path) -> None:
    """An answer that is not understood is told from one that is."""
    status, text = explained(body, folder=tmp_path)
    assert (status, told in text) == (1, True)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    """A missing file, a request that is none: one line names it."""
    for options in (["nope.json"], ["-", "--request", "bad.json"], ["-", "--request", "list.json"]):
        (tmp_path / "bad.json").write_text("{")
        (tmp_path / "list.json").write_text("[]")
        command = [*COMMAND, "explain-answer", *options]
        ended = subprocess.run(command, cwd=tmp_path, input="{}", capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert options[-1] in ended.stderr
    missing = subprocess.run([*COMMAND, "explain-answer", "nope.json"], cwd=tmp_path, capture_output=True, check=False)
    assert b"nope.json cannot be read: No such file or directory; name a file with the body of an" in missing.stderr


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith(("tasks_get", "feed"))])
def test_every_recorded_answer_is_explained(name: str, tmp_path: Path) -> None:
    """No answer of the documentation stops the command."""
    status, body = ANSWERS[name]
    ended, told = explained(body, "--status", str(status), folder=tmp_path)
    assert ended in {0, 1}
    assert told.startswith("status ")
