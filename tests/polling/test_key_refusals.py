"""Refusals of the key, counted over all polls."""

from cometrunway._polling._key_refusals import KeyRefusals


def refused_for(refusals: KeyRefusals, seconds: float) -> list[float]:
    """Refuse a poll ten times a second from time 0 on; return the pauses."""
    pauses = (refusals.refused(number / 10) for number in range(int(seconds * 10)))
    return [pause for pause in pauses if pause is not None]


def test_pauses_double_up_to_fifteen_seconds() -> None:
    """While each answer refuses the key, all polls pause, each time longer, but never for long."""
    assert refused_for(KeyRefusals(3600.0), 70.0) == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]


def test_four_refusals_concern_single_tasks() -> None:
    """The fifth in a row concerns the key; an answer that does not refuse it begins anew."""
    refusals = KeyRefusals(3600.0)
    assert refused_for(refusals, 0.4) == []
    refusals.answered()
    assert refused_for(refusals, 0.4) == []
    assert refusals.refused(0.5) == 1.0


def test_a_key_that_is_refused_for_long_is_refused_for_good() -> None:
    """When every answer has refused it from the first to the last second of the patience, no pause follows."""
    refusals = KeyRefusals(60.0)
    refused_for(refusals, 59.9)
    assert not refusals.last(59.9)
    assert refusals.last(60.0)
    assert refusals.refused(60.0) is None
