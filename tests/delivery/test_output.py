"""Where files are stored, and the case without a place for them."""

from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from cometrunway import Asset
from cometrunway._delivery._output import NoOutput

CONTENT = b"content"


async def never(*, folder: Path, stem: str) -> Asset:
    """Be a download that must not be begun."""
    raise NotImplementedError


async def test_without_a_place_nothing_is_downloaded() -> None:
    """That a session tries is a bug, which is not hidden."""
    with pytest.raises(AssertionError, match="without an output_dir"):
        await NoOutput().store(never, "cat")


async def test_without_a_place_what_is_recorded_is_returned(tmp_path: Path) -> None:
    """A file that has only a URL as it is; a file that an earlier session has kept only as long as it is intact."""
    path = tmp_path / "a.mp4"
    path.write_bytes(CONTENT)
    kept = Asset(url="u", path=path, size=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
    async with NoOutput() as output:
        assert await output.recall((kept,)) == (kept,)
        assert await output.recall((kept, evolve(kept, sha256="0" * 64))) is None
        path.unlink()
        assert await output.recall((kept,)) is None
