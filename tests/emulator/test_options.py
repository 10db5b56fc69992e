"""The options of an emulator."""

from typing import Any

import pytest

from cometrunway.emulator import Emulator, LogNormal, Uniform


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dialect", "klingon"),
        ("speed", 0),
        ("host", "0.0.0.0"),  # noqa: S104  # what must be refused
        ("failure_rate", 1.5),
        ("balance", -1),
        ("not_exist_form", "500"),
        ("durations", {"image2video": 3}),
        ("log_limit", 0),
        ("asset_lifetime", float("nan")),
    ],
)
def test_wrong_options_are_named(option: str, value: Any) -> None:
    """An option out of its range is a ValueError that names it."""
    with pytest.raises(ValueError, match=option):
        Emulator(**{option: value})


@pytest.mark.parametrize(
    "options",
    [
        {"speed": float("inf"), "not_exist_seconds": 0, "failure_rate": 1.0, "balance": 0, "port": 65535},
        {"host": "127.0.0.2", "max_running": None},
        {"host": "::1", "max_running": 1},
    ],
)
def test_the_limits_themselves_are_taken(options: dict[str, Any]) -> None:
    """Bounds are included, and any address of this machine's loopback will do."""
    emulator = Emulator(**options)
    assert {name: getattr(emulator, name) for name in options} == options


def test_a_number_is_the_duration_of_every_task() -> None:
    """Of one route, too; a distribution stays what it is."""
    emulator = Emulator(duration=3, durations={"act_one": 5, "generate": LogNormal(median=2)})
    assert emulator.duration == Uniform(low=3, high=3)
    assert emulator.durations == {"act_one": Uniform(low=5, high=5), "generate": LogNormal(median=2)}
