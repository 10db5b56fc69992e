"""The command in a bundle, such as one of PyInstaller or zipapp, whose files may not be on the disk."""

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

_HERE = files("cometrunway._cli")


def hook_dirs() -> list[str]:
    """Return the folder of PyInstaller's hook. An entry point of the package names this function."""
    return [str(_HERE / "pyinstaller")]


def installed_version() -> str:
    """Return the version of the package, which a bundle may lack."""
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
    """Return the path of the demo's batch file; None if it is in a bundle or in a bundle's temporary folder."""
    listing = _HERE / "demo" / "shots.jsonl"
    return listing if isinstance(listing, Path) and not hasattr(sys, "frozen") else None
