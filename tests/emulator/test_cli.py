"""The emulator as a command: one line when it is ready, status 0 when it is told to go."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from cometrunway.emulator import main

COMMAND = [sys.executable, "-m", "cometrunway.emulator"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_ends_cleanly(number: signal.Signals) -> None:
    """The first line is JSON with the URLs and the key; a signal ends the process with status 0 and no noise."""
    options = ["--seed", "7", "--speed", "50", "--fault", "poll:502=0.05", "--dialect", "wrapped", "--balance", "3"]
    # In the development mode asyncio would tell of each turn that takes long.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDEVMODE"}
    with subprocess.Popen(
        [*COMMAND, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with urllib.request.urlopen(ready["base_url"] + "/__emulator__/ledger", timeout=10) as response:  # noqa: S310
            assert json.load(response)["creates"]["received"] == 0
        process.send_signal(number)
        rest, noise = process.communicate(timeout=10)
    assert set(ready) == {"base_url", "api_key", "asset_url"}
    assert (process.returncode, rest, noise) == (0, "", "")


@pytest.mark.parametrize(
    "options",
    [["--fault", "poll:meteor=1"], ["--dialect", "klingon"], ["--speed", "0"], ["--host", "0.0.0.0"]],  # noqa: S104
)
def test_wrong_options_are_explained(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option ends with status 2 and a message that names it."""
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2
    assert options[0].strip("-").split("-")[0] in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows a whole command line."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "cometrunway emulator --dialect" in capsys.readouterr().out
