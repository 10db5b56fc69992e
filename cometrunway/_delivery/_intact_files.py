"""Checks that stored files exist and have not changed. A file that was not modified since then is not read again."""

import time
from collections import OrderedDict
from functools import partial
from pathlib import Path

from cometrunway._delivery._part_file import is_intact
from cometrunway._tasks import Asset
from cometrunway._threads import in_thread

_REMEMBERED = 10_000
"""The largest number of files that are remembered as intact."""
_SETTLED = 2.0
"""If a file's last change is at least this many seconds ago, any further change alters its times, on every system."""


class IntactFiles:
    """Digests files in threads, and remembers the state of each intact file."""

    def __init__(self) -> None:
        self._intact: OrderedDict[Path, tuple[object, ...]] = OrderedDict()

    async def are_intact(self, assets: tuple[Asset, ...]) -> bool:
        """Whether all files that are on this disk exist and have their recorded content."""
        return all([asset.path is None or await self._is_intact(asset.path, asset) for asset in assets])

    async def _is_intact(self, path: Path, asset: Asset) -> bool:
        found, state = await in_thread(partial(_looked_at, path, asset, self._intact.get(path)))
        if state is not None:
            self._intact[path] = state
            if len(self._intact) > _REMEMBERED:
                self._intact.popitem(last=False)
        return found


def _looked_at(path: Path, asset: Asset, known: tuple[object, ...] | None) -> tuple[bool, tuple[object, ...] | None]:
    """Return whether a file is intact, and its state; None as state if a further change may not alter the state.

    A file whose state is `known` is not read.
    """
    try:
        status = path.stat()
    except OSError:
        return False, None
    state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev, asset.sha256)
    found = state == known or is_intact(asset)
    return found, state if found and time.time() - status.st_mtime > _SETTLED else None
