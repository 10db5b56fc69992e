"""Files of finished shots that are in another folder than the output folder of a run."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from secrets import token_hex

from attrs import define, field, frozen

from cometrunway._delivery._part_file import is_intact
from cometrunway._journal._entry import Entry, State
from cometrunway._plurals import be, counted
from cometrunway._tasks import Asset


@frozen
class _FileElsewhere:
    asset: Asset
    source: Path
    folder: Path
    """The folder of the source, as recorded in the journal."""


@define(kw_only=True)
class FilesElsewhere:
    """The files that the journal has in other output folders, and that are missing in this one."""

    output_dir: Path
    _files: list[_FileElsewhere] = field(factory=list)

    @classmethod
    def of(cls, entries: Iterable[Entry], folders: Iterable[Path], output_dir: Path) -> "FilesElsewhere":
        """Look for the files of finished shots; `folders` are all output folders of the journal."""
        there, others = cls(output_dir=output_dir.absolute()), list(folders)
        for asset in (asset for entry in entries if entry.state is State.DELIVERED for asset in entry.assets):
            folder = next((each for each in others if asset.path and asset.path.is_relative_to(each)), None)
            if asset.path is None or folder is None or folder == there.output_dir:
                continue
            if asset.path.is_file() and not there._target(asset.path, folder).exists():
                there._files.append(_FileElsewhere(asset, asset.path, folder))
        return there

    def told(self) -> Iterator[str]:
        """Yield where the files really are."""
        for folder, count in Counter(file.folder for file in self._files).items():
            files = f"{counted(count, 'file')} of finished shots {be(count)}"
            yield f"{files} in {folder}; the run links what is whole into {self.output_dir}"

    def link(self) -> None:
        """Link the intact files into the output folder, or copy them if it is on another disk.

        Raises:
            OSError: the folder cannot be written.
        """
        for file in self._files:
            if is_intact(file.asset):
                _link(file.source, self._target(file.source, file.folder))

    def _target(self, path: Path, folder: Path) -> Path:
        return self.output_dir / path.relative_to(folder)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:  # another run has linked it already
        return
    except OSError:  # another disk, or one without links
        part = target.with_name(f".{token_hex(8)}.part")
        try:
            shutil.copyfile(source, part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
