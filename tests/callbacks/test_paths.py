"""The paths of callbacks."""

from cometrunway._callbacks._paths import LENGTH, callback_path, is_path

SECRET = bytes(range(32))


def test_a_path_comes_of_secret_and_name_alone() -> None:
    """A later process with the same secret derives it again; another secret, or another name, gives another."""
    path = callback_path(SECRET, "cat-yawns")
    assert path == callback_path(bytes(range(32)), "cat-yawns")
    assert len({path, callback_path(SECRET, "cat-yawn"), callback_path(bytes(32), "cat-yawns")}) == 3


def test_a_path_goes_into_a_url_as_it_is() -> None:
    """Whatever a submission is called, its path is of the same few characters."""
    for name in ("", "a" * 500, "猫/../?&#", "\ud800"):
        path = callback_path(SECRET, name)
        assert len(path) == LENGTH
        assert path.replace("-", "a").replace("_", "a").isalnum()


def test_only_the_whole_path_is_one() -> None:
    """A part of it, more than it, and what no URL holds are others."""
    path = callback_path(SECRET, "cat-yawns")
    assert is_path(path, path)
    assert not any(is_path(other, path) for other in ("", path[:-1], path + "a", path[:-1] + "ä", "\ud800"))
