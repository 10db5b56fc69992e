"""The command `gallery`."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.gallery.pages import data_of
from tests.recorded import still

COMMAND = [sys.executable, "-m", "cometrunway", "gallery"]


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end in a folder."""
    return subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_says_where_the_page_is(tmp_path: Path) -> None:
    """It writes gallery.html, or what -o names, and prints its URL."""
    (tmp_path / "one.png").write_bytes(still())
    for arguments, name in (([], "gallery.html"), (["-o", "other.html"], "other.html")):
        ended = command(".", *arguments, folder=tmp_path)
        assert (ended.returncode, ended.stdout) == (0, f"1 shot: {(tmp_path / name).as_uri()}\n")
        assert len(data_of(tmp_path / name)["shots"]) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent"], "there is no absent"),
        ([".", "--serve", "-o", "x.html"], "-o"),
        ([".", "--port", "80"], "--serve"),
        ([".", "--serve", "--port", "70000"], "65535"),
        ([], "DIR|JOURNAL"),
    ],
)
def test_wrong_use_is_status_2(arguments: list[str], reason: str, tmp_path: Path) -> None:
    """Wrong use ends with status 2, a message that names the thing, and no traceback."""
    (tmp_path / "one.png").write_bytes(still())
    ended = command(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert reason in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_when_it_is_told_to(number: signal.Signals, tmp_path: Path) -> None:
    """The first line is its URL; a signal ends it with status 0. Of pages gone and wrong requests nothing is said."""
    (tmp_path / "one.png").write_bytes(still())
    with subprocess.Popen(
        [*COMMAND, ".", "--serve"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urlopen(f"{url}events", timeout=10) as gone:  # noqa: S310 - the process's own
            assert gone.readline() == b"retry: 1000\n"
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10) as wrong:
            wrong.sendall(b"GET \xff HTTP/9.9\r\n\x00: x\r\n\r\n")
            assert b" 400 " in wrong.recv(100)
        with urlopen(f"{url}events", timeout=10) as stream:  # noqa: S310
            for name in ("two.png", "three.png", "four.png"):
                (tmp_path / name).write_bytes(still())
                while name.encode() not in stream.readline():
                    pass
            process.send_signal(number)
            _, noise = process.communicate(timeout=5)
    assert (process.returncode, noise) == (0, "anyone who has this URL can see the gallery; Ctrl-C ends it\n")
