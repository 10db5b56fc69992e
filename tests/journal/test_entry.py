"""Rows of the journal: what is written of an asset is read again."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from attrs import evolve

from cometrunway import Asset, Journal
from cometrunway._journal._entry import Entry, _asset, assets_to_json
from cometrunway._journal._folders import Folders
from tests.recorded import Recorded, record


def test_a_file_that_is_not_verified_stays_so() -> None:
    """What is known of a file survives the journal."""
    for verified in (True, False):
        asset = Asset(url="https://example.com/a", path=Path("/out/a.bin"), size=1, sha256="00", verified=verified)
        assert [_asset(fields, Folders()) for fields in json.loads(assets_to_json((asset,), Folders()))] == [asset]


def test_a_journal_of_before_has_verified_files() -> None:
    """Of a verified file no row says so, as in the rows of versions that kept no other."""
    [fields] = json.loads(assets_to_json((Asset(url="https://example.com/a"),), Folders()))
    assert "verified" not in fields
    assert _asset(fields, Folders()).verified


def test_digests_that_were_verified_are_kept() -> None:
    """Rows of before, and of files without such, say nothing of them."""
    for digests in ((), ("md5", "sha256")):
        asset = Asset(
            url="https://example.com/a", path=Path("/out/a.mp4"), size=1, sha256="00", verified_digests=digests
        )
        [fields] = json.loads(assets_to_json((asset,), Folders()))
        assert ("verified_digests" in fields) == bool(digests)
        assert _asset(fields, Folders()) == asset


def test_an_inline_output_is_recorded_by_its_type() -> None:
    """Its megabytes are in the file."""
    [fields] = json.loads(assets_to_json((Asset(url="data:video/mp4;base64,AAAA"),), Folders()))
    assert fields["url"] == "data:video/mp4"


def test_an_entry_names_its_provider() -> None:
    """Rows of before, when there was one, name none."""
    row = Entry(key="A", route="image_to_video", fingerprint="f", request={})
    assert row.provider == "cometapi"
    assert evolve(row, request={"provider": "other"}).provider == "other"


async def test_a_row_has_its_state_as_a_word(tmp_path: Path) -> None:
    """Journals are kept for years, and read by other programs."""
    words = ("submitting", "accepted", "refused", "in_doubt", "failed", "cancelled", "delivered")
    await record(tmp_path / "shots.db", [Recorded(key=word, outcome=word) for word in words])
    with closing(sqlite3.connect(tmp_path / "shots.db")) as database:
        assert all(key == state for key, state in database.execute("SELECT key, state FROM submission"))
    assert [entry.state.value for entry in Journal.read(tmp_path / "shots.db")] == list(words)
