"""Local files: looked at by their first bytes, and digested a piece at a time."""

from hashlib import sha256
from pathlib import Path

import pytest

from cometrunway._media._inputs import LocalFile, data_uri, digest_of
from tests.samples import MP4, PNG


@pytest.mark.parametrize("content", [PNG, PNG + b"\0", PNG + b"\0\0", MP4])
def test_the_size_of_a_data_uri_is_known_without_reading_the_file(tmp_path: Path, content: bytes) -> None:
    """By the size of the file and its first bytes."""
    path = tmp_path / "cat"
    path.write_bytes(content)
    for source in (path, content):
        file = LocalFile.of(source)
        assert (file.size, file.data_uri_size) == (len(content), len(data_uri(source)))


def test_a_file_and_its_bytes_have_one_digest(tmp_path: Path) -> None:
    """SHA-256 of all of it; a file that is gone is named."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG * 10_000)
    assert digest_of(path) == digest_of(PNG * 10_000) == sha256(PNG * 10_000).hexdigest()
    path.unlink()
    with pytest.raises(ValueError, match=r"cat\.png cannot be read any more"):
        digest_of(path)


def test_nothing_of_the_content_is_shown() -> None:
    """A repr has the number of bytes."""
    assert "PNG" not in repr(LocalFile.of(PNG))
    assert f"<{len(PNG)} bytes>" in repr(LocalFile.of(PNG))
