"""What a gallery reads: a journal, or a folder."""

import os
from pathlib import Path

import pytest

from cometrunway import JournalError
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._sources import source_of


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("absent", "there is no .*absent"),
        (".", "no media file"),
        ("letter.txt", "not a journal"),
        ("x.mp4", "folder"),
        ("pipe", "no journal file"),
    ],
)
def test_what_is_no_source_is_named(name: str, reason: str, tmp_path: Path) -> None:
    """What cannot be shown raises an error that names it, and says what can."""
    if name != ".":
        (tmp_path / "x.mp4").touch()
    (tmp_path / "letter.txt").write_text("Dear Sir, this is a letter.")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((GalleryError, JournalError), match=reason):
        source_of(tmp_path / name)


# What a live page is told
