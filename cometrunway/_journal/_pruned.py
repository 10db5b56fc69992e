"""Decides which data of a pruned submission are kept, and counts what was removed."""

import json
import time
from datetime import datetime
from typing import Any

from attrs import frozen

from cometrunway._journal._entry import DamagedRowError

_KEPT = ("path", "folder", "location", "media_type", "size", "sha256", "verified", "verified_digests")


@frozen(kw_only=True)
class Pruned:
    """The counts of what was removed from a journal."""

    pruned: int
    """The number of submissions of which only the key, digest, task and files are kept."""
    forgotten: int
    """The number of submissions that were removed completely. The same key would be submitted, and paid for, again."""
    refused: int = 0
    """The number of refused shots that were removed from the queue of a fleet. Nothing was created for them."""
    bytes_before: int
    """The number of bytes of the file and its write-ahead log."""
    bytes_after: int


def check_dates(delivered_before: datetime, forget_keys_before: datetime | None) -> None:
    """Check that both dates are past, and that only pruned keys would be forgotten; else `ValueError`."""
    for name, date in (("delivered_before", delivered_before), ("forget_keys_before", forget_keys_before)):
        if date is not None and _timestamp(name, date) > time.time():
            raise ValueError(f"{name}: {date.isoformat()} lies in the future; nothing was changed")
    if forget_keys_before is not None and _timestamp("", forget_keys_before) > _timestamp("", delivered_before):
        raise ValueError(
            f"forget_keys_before: {forget_keys_before.isoformat()} is later than delivered_before "
            f"({delivered_before.isoformat()}): a key must be kept at least as long as its request; nothing was changed"
        )


def _timestamp(name: str, date: datetime) -> float:
    try:
        return date.timestamp()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{name}: {date.isoformat()} is out of the range of this system's clock") from error


def kept_request(request: str) -> str:
    """Return the part of a request that is kept: the provider, if it is recorded."""
    try:
        return json.dumps({name: value for name, value in json.loads(request).items() if name == "provider"})
    except (ValueError, AttributeError) as error:
        raise DamagedRowError(f"a row's request cannot be read: {request:.100}") from error


def kept_files(assets: str) -> str:
    """Return the part of a files' record that is kept: enough to check that they are on disk and complete."""
    try:
        return json.dumps([_kept(asset) for asset in json.loads(assets) if asset.get("path") or asset.get("location")])
    except (ValueError, TypeError, AttributeError) as error:
        raise DamagedRowError(f"a row's files cannot be read: {assets:.100}") from error


def _kept(asset: dict[str, Any]) -> dict[str, Any]:
    return {name: asset[name] for name in _KEPT if asset.get(name) is not None}
