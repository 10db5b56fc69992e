"""The command within a bundle, such as PyInstaller or zipapp make: files in it may be no files on the disk."""

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

_HERE = files("cometrunway._cli")


def hook_dirs() -> list[str]:
    """Return where PyInstaller finds its hook; an entry point of the package names this function."""
    return [str(_HERE / "pyinstaller")]


def installed_version() -> str:
    """Return the version of the package; a bundle may have left it out."""
    try:
        return version("cometrunway")
    except PackageNotFoundError:
        return "of a version that its bundle does not tell"


def copied_demo(folder: Path) -> Path:
    """Copy the demo's batch file, and the picture that it names, into a folder; return the batch file there."""
    for file in (_HERE / "demo").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder / "shots.jsonl"


def place_of_the_demo() -> Path | None:
    """Return where the demo's batch file is; None where it is in a bundle, or in what a bundle unpacks for a while."""
    listing = _HERE / "demo" / "shots.jsonl"
    return listing if isinstance(listing, Path) and not hasattr(sys, "frozen") else None
