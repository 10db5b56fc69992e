"""The common parts of all commands: their help, and the options of several of them."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway._cli._commands import journal, path, positive, provider, resume_command, shown, whole
from cometrunway._cli._main import _parser, main

COMMANDS = [
    "demo",
    "run",
    "resume",
    "retry",
    "status",
    "report",
    "export",
    "resolve",
    "check",
    "prune",
    "gallery",
    "emulator",
    "completion",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each command ends with a line to copy."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"cometrunway {command}" in capsys.readouterr().out.partition("example:")[2]


@pytest.mark.parametrize(
    "command",
    [
        "run shots.jsonl --journal shots.db",
        "run shots.jsonl --journal '~/my shots.db' --output-dir 'my clips' --template 'x/{key}'",
        "run shots.jsonl --journal s.db --provider runway --base-url http://127.0.0.1:1 --no-trust-env",
        "run shots.jsonl --journal s.db --provider mine.toml --allow-private-assets",
    ],
)
def test_the_command_that_resumes_has_what_the_run_was_given(command: str) -> None:
    """Else it would ask another server, or put the files into another folder, under other names."""
    given = _parser().parse_args(shlex.split(command))
    name, *arguments = shlex.split(resume_command(given))
    resumed = _parser().parse_args(arguments)
    assert (name, arguments[0]) == ("cometrunway", "resume")
    for option in ("journal", "output_dir", "template", "provider", "base_url", "no_trust_env", "allow_private_assets"):
        assert getattr(resumed, option) == getattr(given, option)


def test_no_password_is_shown() -> None:
    """Of a URL that stands alone, or after an option; what is no URL is shown as it is."""
    url = "postgresql://me:canary@db.example.com/shop"
    for argument in (url, f"--journal={url}"):
        assert "canary" not in shown(argument)
        assert "db.example.com/shop" in shown(argument)
        assert shown(argument).startswith(argument.partition("postgresql")[0])
    for argument in ("shots.db", "--output-dir=a", "--json", "key=value"):
        assert shown(argument) == argument


@pytest.mark.parametrize(
    ("read", "right", "wrong"),
    [
        (whole(1), {"1": 1, "10": 10}, ["0", "-1", "1.0", "", "x", "1e3", "²", "٣"]),
        (whole(0, 9), {"0": 0, "9": 9}, ["10"]),
        (positive, {"0.5": 0.5, "3": 3.0}, ["0", "-1", "nan", "inf", "", "x"]),
        (path, {"a/b": Path("a/b"), "~/s.db": Path("~/s.db").expanduser()}, ["~no.such/a"]),
        (journal, {"s.db": Path("s.db")}, ["postgresql://db.example.com/shop?schema=a-b", "~no.such/a"]),
    ],
)
def test_an_option_takes_what_it_says(read: Callable[[str], Any], right: dict[str, Any], wrong: list[str]) -> None:
    """Anything else is refused with what was given, before anything is done."""
    assert {text: read(text) for text in right} == right
    for text in wrong:
        with pytest.raises(argparse.ArgumentTypeError):
            read(text)


def test_a_provider_is_named_or_described_by_a_file(tmp_path: Path) -> None:
    """A name that is not known is told with those that are."""
    assert provider(argparse.Namespace(provider="runway")).name == "runway"
    (tmp_path / "mine.toml").write_text('name = "mine"\nbase_url = "https://api.example.com"\n')
    with pytest.raises(ValueError, match="cometapi"):
        provider(argparse.Namespace(provider="mine"))
    with pytest.raises(ValueError, match=r"absent\.toml"):
        provider(argparse.Namespace(provider=str(tmp_path / "absent.toml")))
