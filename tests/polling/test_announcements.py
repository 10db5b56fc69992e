"""How much callbacks are worth, as far as their past tells."""

from cometrunway._polling._announcements import Announcements

KIND = "pro_generate gen4"


def test_nothing_is_counted_on_before_a_callback_came() -> None:
    """All ends are for polls to find, and stay so while none is announced."""
    announcements = Announcements()
    assert announcements.unannounced(KIND) == 1.0
    assert [announcements.learn(KIND, announced=False) for _ in range(10)] == [False] * 10
    assert announcements.unannounced(KIND) == 1.0


def test_each_announced_end_makes_the_next_likelier() -> None:
    """The part for polls falls, and never to nothing."""
    announcements = Announcements()
    parts = []
    for _ in range(5000):
        announcements.learn(KIND, announced=True)
        parts.append(announcements.unannounced(KIND))
    assert parts[0] == 0.5
    assert parts == sorted(parts, reverse=True)
    assert 0.0019 < parts[-1] < 0.0021


def test_a_lost_callback_counts_as_one() -> None:
    """One end in five that was not announced leaves a fifth to polls."""
    announcements = Announcements()
    for number in range(2000):
        announcements.learn(KIND, announced=bool(number % 5))
    assert 0.18 < announcements.unannounced(KIND) < 0.22


def test_three_in_a_row_are_the_end_of_callbacks() -> None:
    """It is reported once, and later ends are learned again."""
    announcements = Announcements()
    for _ in range(100):
        announcements.learn(KIND, announced=True)
    assert [announcements.learn(KIND, announced=False) for _ in range(5)] == [False, False, True, False, False]
    assert announcements.unannounced(KIND) == 1.0
    announcements.learn(KIND, announced=True)
    assert announcements.unannounced(KIND) == 0.5


def test_each_kind_has_callbacks_of_its_own() -> None:
    """A gateway may post for one route and not for another."""
    announcements = Announcements()
    announcements.learn(KIND, announced=True)
    assert announcements.unannounced("pro_act_one ") == 1.0
