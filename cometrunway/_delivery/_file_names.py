"""Names files by the user's template. Every name is valid and safe on every system."""

import hashlib
import os
import re
from string import Formatter
from unicodedata import normalize

FIELDS = ("key", "id", "route", "number")
_LONGEST_STEM = 130
"""Bytes. A system that encrypts names allows 143, and a download adds some for its extensions."""
_LONGEST_PART = 200
"""The largest number of bytes of a name that a template makes. Most systems allow 255."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
_USUAL = "[A-Za-z0-9_-]+"
"""Every system keeps these characters."""
_INVISIBLE = "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]"
"""Letters and marks that are invisible."""
_RESERVED = r"(?i)(con|prn|aux|nul|(com|lpt)[\d¹²³]|con(in|out)\$) *(\..*)?"
_SAMPLE = {"key": "k", "id": "i", "route": "r", "number": "1"}


class FileNames:
    """Names the files of a task, without their extensions.

    Args:
        template: text with `{key}` (the task's id if there is no key), `{id}`, `{route}` and `{number}` (the number
            of the file within the task, from 1). A `/` separates folders. If the template has no `{number}` and the
            task has several files, the number is added at the end.

    Raises:
        TypeError: the template is not text.
        ValueError: the template has an unknown field, has neither key nor id, or makes a path that is not allowed or
            outside of the folder.
    """

    def __init__(self, template: str) -> None:
        _check(template)
        self._template = template

    @property
    def makes_folders(self) -> bool:
        """Whether the template puts files into subfolders of the output folder."""
        return "/" in self._template

    def __call__(self, *, key: str | None, task_id: str, route: str, files: int) -> list[str]:
        """Return a relative path, with `/` between folders, for each file."""
        is_numbered = files == 1 or "{number}" in self._template
        template = self._template if is_numbered else f"{self._template}-{{number}}"
        fields = {"key": safe_stem(key or task_id), "id": safe_stem(task_id), "route": safe_stem(route)}
        names = (template.format(**fields, number=number) for number in range(1, files + 1))
        return ["/".join(map(_mended, name.split("/"))) for name in names]


def safe_stem(name: str) -> str:
    """Return a safe stem of a file name. Equal names give equal stems; different names give different stems.

    Visible characters of any script are kept, with composed accents (NFC). Characters that a system forbids, reserves,
    strips or hides become `_`. A name that was changed in this way, or cut to 130 bytes, ends with a digest of the
    original name. Names that differ only in case are kept. If a file system treats them as equal, the second file gets
    a number, because no file is ever overwritten.
    """
    is_usual = re.fullmatch(_USUAL, name)
    kept = name if is_usual else "".join(each if _is_kept(each) else "_" for each in normalize("NFC", name))
    stem = _cut(kept.lstrip(". ~"), _LONGEST_STEM)
    if stem and stem == name and not re.fullmatch(_RESERVED, stem):
        return stem
    digest = _digest(name)
    return f"{_cut(stem, _LONGEST_STEM - len(digest) - 1)}-{digest}"


def _is_kept(character: str) -> bool:
    if not character.isprintable() or character in _FORBIDDEN or re.match(_INVISIBLE, character):
        return False
    try:
        os.fsencode(character)
    except UnicodeEncodeError:  # this system cannot encode the character in file names
        return False
    return True


def _cut(stem: str, length: int) -> str:
    """Return the stem cut to at most `length` bytes, with whole characters, and without a dot or space at the end."""
    return stem.encode()[:length].decode(errors="ignore").rstrip(" .")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]


def _mended(part: str) -> str:
    """Return the name of a file or folder; a safe replacement if the filled-in fields made a bad name."""
    if _is_harmless(part):
        return part
    kept = part.encode()[: _LONGEST_PART // 2].decode(errors="ignore").replace(".", "_")
    return f"{kept}-{_digest(part)}"


def _check(template: object) -> None:
    if not isinstance(template, str):
        raise TypeError(f"template must be text such as '{{key}}', got {template!r}")
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"template: {error}, got {template!r}") from error
    names = {name for _, name, _, _ in parts if name is not None}
    for _, name, layout, conversion in parts:
        if layout or conversion or (name is not None and name not in FIELDS):
            field = f"{name}{'!' * bool(conversion)}{conversion or ''}{':' * bool(layout)}{layout or ''}"
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ValueError(f"template: must use no fields but {known}, got {{{field}}}")
    if not names & {"key", "id"}:
        raise ValueError(
            f"template: must contain {{key}} or {{id}}, or all files would have one name, got {template!r}"
        )
    if not all(map(_is_harmless, template.format(**_SAMPLE).split("/"))):
        raise ValueError(
            f"template: must be a relative path within the folder, of names that all systems allow and of at most "
            f"{_LONGEST_PART} bytes each, got {template!r}"
        )


def _is_harmless(part: str) -> bool:
    is_name = bool(part) and part == part.strip().rstrip(" .") and not re.fullmatch(_RESERVED, part)
    is_clean = part.isprintable() and not part.startswith("~") and not set(part) & _FORBIDDEN
    return is_name and is_clean and len(part.encode()) <= _LONGEST_PART
