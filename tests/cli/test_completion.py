"""The command `completion`."""

import subprocess
import sys
from pathlib import Path

import pytest

from cometrunway._cli._main import main
from tests.cli.test_commands import COMMANDS
from tests.cli.test_main import shot, write


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script for each shell knows all commands and options."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in [*COMMANDS, "max-in-flight"])


def test_bash_completes_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Where a command takes a file, bash offers those that are there."""
    main(["completion", "bash"])
    write(tmp_path, shot())
    ask = "COMP_WORDS=(cometrunway run sh); COMP_CWORD=2; _shtab_cometrunway; echo ${COMPREPLY[@]}"
    asked = subprocess.run(
        ["bash", "-c", f"{capsys.readouterr().out}\n{ask}"],  # noqa: S607 - the bash of this machine
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.split() == ["shots.jsonl"]


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is wrong use, and not a bug."""
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "completion needs an extra: pip install 'cometrunway[cli]'" in capsys.readouterr().err
