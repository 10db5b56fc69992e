"""Files that were in the output folder before a session without a journal submitted anything."""

import asyncio
import os
from collections.abc import Iterable, Set
from itertools import islice
from pathlib import Path, PurePath
from unicodedata import normalize

from cometrunway._delivery._file_names import FileNames
from cometrunway._plurals import counted
from cometrunway.errors import KeyUsedError

_MOST = 200_000
"""The largest number of files of a folder that are read."""
_NAMED = 3
"""The number of keys that an error names."""
Keyed = Iterable[tuple[str, str]]
"""Keys, each with the route of its request."""


class EarlierFiles:
    """The files that were in an output folder when the first key was submitted.

    Without a journal, a file that is named after a key is the only sign that this key was paid for.

    Args:
        folder: the output folder.
        names: gives files their names.
    """

    def __init__(self, folder: Path, names: FileNames) -> None:
        self._folder = folder
        self._names = names
        self._stems: Set[str] | None = None
        self._reading = asyncio.Lock()

    async def check(self, keyed: Keyed) -> None:
        """Check that no file is named after one of the keys; else `KeyUsedError`."""
        if self._stems is None:
            async with self._reading:
                if self._stems is None:
                    self._stems = await asyncio.to_thread(_stems, self._folder, self._names)
        if self._stems:
            _check(keyed, self._stems, self._folder, self._names)


def check_keys(keyed: Keyed, folder: Path, names: FileNames) -> None:
    """Check that no file of a folder is named after one of the keys; else `KeyUsedError`."""
    _check(keyed, _stems(folder, names), folder, names)


def _check(keyed: Keyed, stems: Set[str], folder: Path, names: FileNames) -> None:
    used = list(dict.fromkeys(key for key, route in keyed if not stems.isdisjoint(_possible(names, key, route))))
    if used:
        raise KeyUsedError(
            f"{counted(len(used), 'key names', 'keys name')} files that are in {folder} already ({_listed(used)}), and "
            "no journal knows what was paid for; nothing was sent. Use the journal of the first run: "
            "Session(journal=...). To pay again, use Session(pay_again=True): the new files get a number, such as "
            f"{used[0]}-2",
            keys=tuple(used),
        )


def _possible(names: FileNames, key: str, route: str) -> list[str]:
    """Return the two possible names of a key's first file: as its only file, and as one of several."""
    return [names(key=key, task_id="", route=route, files=files)[0] for files in (1, 2)]


def _stems(folder: Path, names: FileNames) -> Set[str]:
    """Return the names of files without their extensions, relative to the folder, with `/` between folders."""
    walk = os.walk(folder)
    within = walk if names.makes_folders else islice(walk, 1)
    files = (PurePath(place, name).relative_to(folder).with_suffix("") for place, _, there in within for name in there)
    return {normalize("NFC", file.as_posix()) for file in islice(files, _MOST)}


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
    return ", ".join(keys[:_NAMED]) + more
