"""Policies: how long each pause is, and what may be tried again."""

from itertools import pairwise
from random import Random

import pytest

from cometrunway import PollPolicy, RetryPolicy, errors
from cometrunway._policies import asked_pause, ends_a_wait, is_transient


def test_a_pause_lies_in_the_upper_half_of_its_step(rng: Random) -> None:
    """The n-th pause is drawn from the upper half of first * growth ** n, and that is at most twice the first."""
    policy = PollPolicy(first=8, growth=1.5, ceiling=100, floor=1)
    for polls, step in enumerate([8, 12, 16, 16]):
        for _ in range(50):
            assert step / 2 <= policy.pause(polls, rng.random()) <= step


def test_no_pause_is_below_the_floor(rng: Random) -> None:
    """The floor holds even where the jitter would go below it."""
    policy = PollPolicy(first=2, floor=2)
    assert min(policy.pause(0, rng.random()) for _ in range(100)) == 2


def test_first_polls_are_spread(rng: Random) -> None:
    """A thousand tasks submitted at once are not polled in one instant."""
    pauses = sorted(PollPolicy().pause(0, rng.random()) for _ in range(1000))
    assert pauses[-1] - pauses[0] > 2
    assert max(later - earlier for earlier, later in pairwise(pauses)) < 0.1


def test_an_unknown_task_is_looked_at_after_three_to_five_seconds(rng: Random) -> None:
    """The documentation asks to wait a few seconds after task_not_exist."""
    assert all(3 <= PollPolicy().pause_while_unknown(rng) <= 5 for _ in range(100))


@pytest.mark.parametrize(
    "options",
    [
        {"first": 0},
        {"price": 1e-9},
        {"growth": 1},
        {"floor": -1},
        {"ceiling": 0.5},
        {"grace": -1},
        {"deadline": 0},
        {"per_second": 0},
    ],
)
def test_a_policy_out_of_range_is_refused(options: dict[str, float]) -> None:
    """A wrong knob is an error that names it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        PollPolicy(**options)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("options", [{"attempts": 0}, {"ceiling": 0}, {"asset_grace": -1}, {"slowest": -1}])
def test_a_retry_policy_out_of_range_is_refused(options: dict[str, float]) -> None:
    """A wrong knob is an error that names it."""
    with pytest.raises(ValueError, match=f"RetryPolicy.{next(iter(options))} must be"):
        RetryPolicy(**options)  # type: ignore[arg-type]  # the point


def test_there_is_one_pause_fewer_than_attempts(rng: Random) -> None:
    """Six attempts have five pauses between them, which double up to the ceiling, plus up to a second."""
    pauses = list(RetryPolicy(attempts=6, ceiling=8).pauses(rng))
    assert len(pauses) == 5
    for step, pause in zip([1, 2, 4, 8, 8], pauses, strict=True):
        assert step <= pause <= step + 1


def test_one_attempt_never_pauses(rng: Random) -> None:
    """A policy of one attempt repeats nothing."""
    assert list(RetryPolicy(attempts=1).pauses(rng)) == []


@pytest.mark.parametrize(
    ("error", "transient", "final"),
    [
        (errors.TransportError("reset"), True, False),
        (errors.OutcomeUnknownError("lost"), False, False),
        (errors.ServerError("bad gateway", status=502), True, False),
        (errors.RateLimitedError("slow down", status=429), True, False),
        (errors.ProtocolError("HTML", status=200), True, False),
        (errors.InvalidRequestError("no", status=400), False, False),
        (errors.InsufficientBalanceError("no", status=403), False, False),
        (errors.AuthenticationError("no", status=401), False, True),
        (errors.PermissionDeniedError("no", status=403), False, True),
        (errors.TaskNotFoundError("no", status=400), False, True),
    ],
)
def test_transient_and_final_errors(error: errors.CometRunwayError, transient: bool, final: bool) -> None:
    """A free call is repeated after what may pass; a wait ends only on what proves that no later poll can succeed."""
    assert (is_transient(error), ends_a_wait(error)) == (transient, final)


def test_a_retry_after_is_honoured_up_to_a_minute() -> None:
    """A server cannot stop us for longer than a minute, and only a 429 can."""
    error = errors.RateLimitedError("slow down", status=429)
    assert asked_pause(error) is None
    error.retry_after = 7.0
    assert asked_pause(error) == 7.0
    error.retry_after = 3600.0
    assert asked_pause(error) == 60.0
    assert asked_pause(errors.ServerError("x", status=503)) is None
