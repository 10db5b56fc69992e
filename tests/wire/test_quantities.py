"""Progress is from 0 to 1, and a time has a zone, whatever was written."""

from datetime import UTC, datetime

import pytest

from cometrunway._wire._quantities import created_at, instant, progress

NOON = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)
EPOCH = 1_773_403_200


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0%", 0.0),
        ("30%", 0.3),
        (" 99.5 % ", 0.995),
        ("100%", 1.0),
        ("1%", 0.01),
        ("150%", 1.0),
        ("-3%", 0.0),
        (0, 0.0),
        (0.275, 0.275),
        (1.0, 1.0),
        (1, 0.01),
        ("1", 0.01),
        (1.5, 0.015),
        (30, 0.3),
        ("30", 0.3),
        ("0.3", 0.3),
        (100, 1.0),
        (-5, 0.0),
        (10**400, 1.0),
    ],
)
def test_progress_is_a_share(written: object, read: float) -> None:
    """Percentages, shares and numbers from 0 to 100 become a share, clamped."""
    assert progress([{"status": "IN_PROGRESS", "progress": written}]) == pytest.approx(read)


def test_one_is_all_of_it_at_runway() -> None:
    """Runway counts from 0 to 1, so its integer 1 is all, not one percent."""
    assert progress([{"status": "RUNNING", "progress": 1}]) == 1.0


@pytest.mark.parametrize("written", [None, True, "", "%", "soon", "nan", "nan%", "inf", [], {}, [0.5], "0x10"])
def test_what_is_no_progress_is_none(written: object) -> None:
    """Nonsense is no progress, rather than zero."""
    assert progress([{"progress": written}]) is None


def test_the_outer_progress_comes_first() -> None:
    """An inner progress counts where the outer one is missing or nonsense."""
    assert progress([{"progress": "20%"}, {"progress": 0.9}]) == 0.2
    assert progress([{"progress": None}, {}, {"progress": 0.9}]) == 0.9


@pytest.mark.parametrize(
    "written",
    [
        EPOCH,
        float(EPOCH),
        str(EPOCH),
        EPOCH * 1000,
        str(EPOCH * 1000),
        "2026-03-13T12:00:00Z",
        "2026-03-13T12:00:00.000Z",
        "2026-03-13T12:00:00.000000Z",
        "2026-03-13T20:00:00+08:00",
        "2026-03-13T12:00:00",
        " 2026-03-13 12:00:00 ",
    ],
)
def test_every_form_is_the_same_moment(written: object) -> None:
    """Seconds, milliseconds, strings of them and ISO 8601 are read; a time without a zone is UTC."""
    moment = instant(written)
    assert moment == NOON
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("written", [0, 0.0, "0", "", None, True, -1, "-1", [], {}, "soon", "<string>"])
def test_what_is_not_yet_is_no_time(written: object) -> None:
    """Zero and nothing mean that it has not happened."""
    assert instant(written) is None


@pytest.mark.parametrize(
    "written",
    [
        *(2**63, 10**400, 1e300, 5e14, float("inf"), float("nan"), "9" * 30, "1e400"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01T00:00:00Z"),
    ],
)
def test_what_no_calendar_holds_is_no_time(written: object) -> None:
    """A time out of range is none, and no error."""
    assert instant(written) is None


def test_the_outermost_creation_counts() -> None:
    """The gateway's own row was made before what upstream says of it, and 0 is passed over."""
    row = {"submit_time": EPOCH, "start_time": 5}
    assert created_at([{}, row, {"createdAt": "2026-03-13T12:00:09Z"}]) == NOON
    assert created_at([{"create_time": "0"}, {"created_at": EPOCH * 1000}]) == NOON


@pytest.mark.parametrize("status", ["PENDING", "THROTTLED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"])
def test_beside_a_status_of_runway_one_is_all(status: str) -> None:
    """Runway counts from 0 to 1; beside other words 1 is one of a hundred."""
    assert progress([{"status": status, "progress": 1}]) == 1.0
    assert progress([{"status": status.lower(), "progress": 1}]) == 0.01


@pytest.mark.parametrize("number", [1e15, 1e17, 1e19, 1e300])
def test_a_number_that_is_no_time_is_none(number: float) -> None:
    """Whatever the system says of it."""
    assert instant(number) is None
