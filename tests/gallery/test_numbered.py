"""The numbers of a live page's shots."""

from cometrunway._gallery._data_scripts import PAGE
from cometrunway._gallery._numbered import Change, NumberedShots

KIND = ("failed", "image_to_video", None)


def test_numbers_are_for_good() -> None:
    """A shot that has gone and comes again has the number that it had, and is counted once."""
    shots = NumberedShots()
    for version, mark in ((1, 5), (2, 0), (3, 6)):
        shots.begin()
        shots.set(Change("one", mark, KIND) if mark else Change("one"), version)
        shots.set(Change(f"other{version}", 7, KIND), version)
        assert shots.ids[0] == "one"
        assert list(shots.since(version - 1)) == [0, version]
    assert shots.tally.to_json()["counts"]["status"] == {"failed": 4}


def test_what_is_not_seen_is_missing_however_often_one_looks() -> None:
    """Also after many passes that were broken off."""
    shots = NumberedShots()
    shots.begin()
    for name in ("stays", "goes"):
        shots.set(Change(name, 1, KIND), 1)
    for _ in range(600):
        shots.begin()
        assert shots.is_known("stays", 1)
        assert not shots.is_known("stays", 2)
        assert not shots.is_known("new", 1)
        assert shots.missing() == ["goes"]


def test_pages_know_when_they_changed() -> None:
    """The last version of any of their shots."""
    shots = NumberedShots()
    for number in range(2 * PAGE + 1):
        shots.set(Change(number, 1, KIND), 1)
    shots.set(Change(PAGE, 2, KIND), 4)
    assert shots.pages_since(0) == [0, 1, 2]
    assert shots.pages_since(1) == [1]
    assert list(shots.since(1)) == [PAGE]
    assert list(shots.since(4)) == []
