"""Converts paths: from the form that users write, and to text that UTF-8 can encode."""

import os
from pathlib import Path
from typing import Any


def expanded(path: object, name: str = "") -> Path:
    """Return the path with `~` or `~user` at its beginning replaced by that home folder.

    Args:
        path: as the user wrote it.
        name: its name in errors, such as `journal`; by default none.

    Raises:
        TypeError: neither text nor a path.
        ValueError: it is empty, holds a NUL character, or no such home folder is known.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str):
        raise TypeError(f"{name or 'this'} must be a path, as text or as a pathlib.Path, got {path!r:.100}")
    if not text or "\0" in text:
        raise ValueError(f"{name or 'this'} must be a path, got {text!r:.100}")
    found = os.path.expanduser(text)  # noqa: PTH111 - a Path has lost the `./` that tells ./~x from ~x
    if text.startswith("~") and found == text:
        user = text.replace("\\", "/").partition("/")[0]
        where = f"{name}: " if name else ""
        raise ValueError(f"{where}no home folder is known for {user!r}, got {text!r}; write the path in full")
    path = Path(found)
    return path.absolute() if str(path).startswith("~") else path  # from ./~x: it must not be expanded later


def portable(path: Path) -> str:
    """Return the path as text that UTF-8 can encode: the path, or its `file:` URI if its bytes are not UTF-8."""
    text = str(path)
    return text if _is_utf8(text) else path.absolute().as_uri()


def from_here(path: Path) -> Path:
    """Return the path relative to the current folder if it is in that folder, else the absolute path."""
    path, here = path.absolute(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def stamp(path: Path) -> tuple[int, int] | None:
    """Return a file's time and size; None if it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def in_utf8(value: Any) -> Any:
    """Return JSON whose strings fit UTF-8: a member `path` is made `portable`; other text gets escapes."""
    if isinstance(value, dict):
        return {in_utf8(name): _member(name, member) for name, member in value.items()}
    if isinstance(value, list):
        return [in_utf8(member) for member in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _member(name: object, value: Any) -> Any:
    is_odd_path = name == "path" and isinstance(value, str) and not _is_utf8(value)
    return portable(Path(value)) if is_odd_path else in_utf8(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
