"""Rows of the journal: what is written of an asset is read again."""

import json
from pathlib import Path

from attrs import evolve

from cometrunway import Asset
from cometrunway._journal._entry import Entry, _asset, assets_to_json
from cometrunway._journal._folders import Folders


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
