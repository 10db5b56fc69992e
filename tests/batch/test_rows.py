"""What became of each shot, as a table."""

from pathlib import Path

from cometrunway import Asset
from cometrunway._batch._rows import Row, table


def test_a_file_that_is_not_verified_is_marked() -> None:
    """The table names each file of a shot, and says which could not be verified."""
    row = Row(key="a", route="image_to_video")
    row.succeed(
        Asset(url="u", path=Path(name), verified=verified) for name, verified in (("a.mp4", True), ("b.bin", False))
    )
    assert "a.mp4, b.bin (not verified)" in table([row])
