"""The options of a session: what is wrong with one is said when the session is made, with its name and the cure."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cometrunway import JournalError, PollPolicy, RetryPolicy, Session

WRONG_TYPES: dict[str, list[Any]] = {
    "provider": [3, None],
    "base_url": [3, b"https://api.example.com", Path("/api")],
    "strict": [None, "no", 1],
    "output_dir": [3, b"out", True],
    "template": [None, 3],
    "poll": [3, {"first": 3}, RetryPolicy(), PollPolicy, 0],
    "retry": [3, False, PollPolicy()],
    "journal": [3, b"shots.db", True],
    "callbacks": [3, "https://example.com"],
    "http": [3, "https://example.com"],
    "trust_env": [None, "no", 1],
    "allow_private_assets": [None, "no", 0],
    "on_event": [3, "print", lambda: None, lambda _event, _more: None],
    "telemetry": [None, "off", 3],
    "rng": [3, "x", math],
}
WRONG_VALUES: dict[str, list[Any]] = {
    "api_key": ["", " ", "a b", "sk-ü", 3],
    "provider": ["cometap", "gateway.toml"],
    "base_url": ["", "api.example.com", "ftp://example.com", "http://example.com", "https://example.com/v1"],
    "output_dir": ["", "a\0b", "s3://", "~no-such-user/out"],
    "template": ["", "{name}", "{key", "../{key}", "shot"],
    "max_in_flight": [0, -1, 1.5, "10", True, None, math.inf, math.nan],
    "max_creates": [0, 1.5, None],
    "max_waiting": [-1, 1.5, "x"],
    "budget": [-1, 1.5, "x", math.nan, True],
    "journal": ["", "a\0b", "~no-such-user/x.db"],
    "journal_timeout": [-1, "3", math.inf, math.nan, None],
    "journal_wait": [-1, "3", math.nan, None],
    "close_wait": [-1, "3", math.nan, None],
    "close_grace": [-1, "3", math.inf, math.nan, None],
}


@pytest.mark.parametrize(
    ("error_type", "name", "value"),
    [
        *((TypeError, name, value) for name, values in WRONG_TYPES.items() for value in values),
        *((ValueError, name, value) for name, values in WRONG_VALUES.items() for value in values),
    ],
)
def test_a_wrong_option_is_named_when_the_session_is_made(error_type: type[Exception], name: str, value: Any) -> None:
    """Nothing waits for the session to be opened, nor for the first task."""
    with pytest.raises(error_type) as caught:
        Session(**{"api_key": "sk-x", name: value})
    assert name in str(caught.value).replace("API key", "api_key")


@pytest.mark.parametrize(
    ("place", "cure"),
    [("nowhere/x.db", "there is no folder .*nowhere: make it"), (".", "is a folder"), (":memory:", "leave it out")],
)
def test_a_journal_that_can_be_nowhere_is_told_when_the_session_is_made(
    place: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped folder is not made."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JournalError, match=cure):
        Session("sk-x", journal=place)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("observe", [print, [].append, lambda event, more=None: (event, more), lambda *events: events])
def test_what_takes_one_event_may_observe(observe: Callable[..., Any]) -> None:
    """A method, a built-in function and one with more optional arguments are observers."""
    Session("sk-x", on_event=observe)


def test_an_origin_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who set no `base_url` looks for the mistake where it is."""
    monkeypatch.setenv("COMETRUNWAY_BASE_URL", "nonsense")
    with pytest.raises(ValueError, match="COMETRUNWAY_BASE_URL must be an absolute"):
        Session("sk-x")


def test_a_key_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never by its value."""
    monkeypatch.setenv("COMETAPI_KEY", "sk-x sk-y")
    with pytest.raises(ValueError, match="COMETAPI_KEY") as caught:
        Session()
    assert "sk-" not in str(caught.value)
