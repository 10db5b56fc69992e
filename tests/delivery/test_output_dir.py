"""What a session's `output_dir` means: a folder, a bucket, or nothing."""

import sys
from pathlib import Path

import pytest

from cometrunway import Session
from cometrunway._delivery._output_dir import output_of


def test_a_folder_is_the_same_from_wherever_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text or as a path, relative or below the home folder; nothing is made yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, folder in (
        ("clips", tmp_path / "clips"),
        (Path("a/b"), tmp_path / "a" / "b"),
        ("~/clips", tmp_path / "home" / "clips"),
        ("s3", tmp_path / "s3"),
    ):
        output = output_of(given)
        monkeypatch.chdir("/")
        assert (output.folder, output.keeps_files) == (folder, True)
        monkeypatch.chdir(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_an_output_dir_nothing_is_kept() -> None:
    """The URLs are all that a task leaves."""
    output = output_of(None)
    assert (output.folder, output.keeps_files) == (None, False)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised as the session is made."""
    for name in [name for name in sys.modules if name.startswith(("obstore", "cometrunway._object_storage"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "cometrunway._delivery._bucket_output", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ValueError, match=r"cometrunway\[s3\]"):
        Session("sk-x", output_dir="s3://bucket/prefix")


def test_a_bucket_is_given_as_text() -> None:
    """A path has lost one of its slashes, and would become a folder."""
    with pytest.raises(ValueError, match="as text"):
        Session("sk-x", output_dir=Path("s3://bucket/prefix"))


@pytest.mark.parametrize("place", ["clip.mp4", "clip.mp4/out"])
def test_an_output_dir_that_is_a_file_is_told_when_the_session_is_made(place: str, tmp_path: Path) -> None:
    """A folder that is missing is made on opening; a file in its place stays as it is."""
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(ValueError, match=r"output_dir .*clip\.mp4 is a file"):
        Session("sk-x", output_dir=tmp_path / place)
