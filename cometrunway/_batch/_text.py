"""Decodes a batch file: by its byte order mark, else by the encoding that the user names, else as UTF-8."""

import codecs
import re
from difflib import get_close_matches
from encodings.aliases import aliases

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, because it begins with the mark of UTF-16
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_SAVE_AS_CSV = "save it as CSV in UTF-8"
_NAME_A_BATCH = "name a batch file, which is JSON Lines, JSON or CSV"
_NO_TEXT = {
    b"PK\x03\x04": f"this is a workbook such as .xlsx, or an archive, no text; {_SAVE_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"this is a workbook such as .xls, no text; {_SAVE_AS_CSV}",
    b"SQLite format 3\0": f"this is an SQLite database, such as a journal, no text; {_NAME_A_BATCH}",
}
"""The first bytes of files that are often given in the place of a batch file."""
_ZEROS = {(1, 3): "utf-16-le", (0, 2): "utf-16-be", (1, 2, 3): "utf-32-le", (0, 1, 2): "utf-32-be"}
"""Which of the first four bytes are zero in a text that begins with ASCII and has several bytes per character."""
_CURE = "save the file as UTF-8, or add --encoding cp1252 if it is from a spreadsheet on Windows"
_NAMED_CURE = "name the encoding that the file was saved in with --encoding"
_MARKED_CURE = "the file is damaged or cut off: save it again"


def decoded(content: bytes, encoding: str | None = None) -> str:
    """Return the text. A byte order mark says more than `encoding`, which is UTF-8 by default.

    Raises:
        ValueError: it is no text in this encoding; the message is `LINE: REASON; CURE`.
    """
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    name, content = _MARKS.get(mark) or encoding or "utf-8", content.removeprefix(mark)
    problem = _kind_of_no_text(content)
    if problem:
        raise ValueError(f"1: {problem}")
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        cure = _MARKED_CURE if mark else _NAMED_CURE if encoding else _CURE
        wrong = f"the byte 0x{content[error.start]:02X} is not {name.upper()} ({error.reason}); {cure}"
        other = _wide(content, name) or ("" if mark else _binary(content, name))
        raise ValueError(other or f"{_place(content[: error.start], name)}: {wrong}") from error
    if "\0" in text:
        before = text.partition("\0")[0].encode()
        other = _wide(content, name) or _binary(content, name)
        raise ValueError(other or f"{_place(before, 'utf-8')}: a NUL character; {_MARKED_CURE}")
    return text


def check_encoding(name: str) -> None:
    """Make sure that Python knows a text encoding of this name; else `ValueError` with one that it knows."""
    if not _is_text_encoding(name):
        close = filter(_is_text_encoding, get_close_matches(name.lower(), sorted({*aliases, *aliases.values()})))
        meant = next(close, "")
        cure = f"did you mean {meant}?" if meant else "spreadsheets on Windows use cp1252"
        raise ValueError(f"no text encoding is called {name!r}; {cure}")


def _is_text_encoding(name: str) -> bool:
    try:
        b" ".decode(name)
    except UnicodeDecodeError:  # it has more bytes for each character
        return True
    except (LookupError, ValueError):
        return False
    return True


def _kind_of_no_text(content: bytes) -> str:
    return next((problem for beginning, problem in _NO_TEXT.items() if content.startswith(beginning)), "")


def _binary(content: bytes, name: str) -> str:
    """Return that the content is no text, if it has zero bytes and other bytes that are no UTF-8."""
    is_binary = len(" ".encode(name)) == 1 and b"\0" in content and not _is_utf8(content)
    return f"1: this is a binary file, no text; {_NAME_A_BATCH}" if is_binary else ""


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wide(content: bytes, name: str) -> str:
    """Return that a text without a byte order mark has several bytes for each character, if that is to be seen."""
    zeros = tuple(place for place, byte in enumerate(content[:4]) if not byte)
    wide = _ZEROS.get(zeros, name)
    if wide == name or not content[:4].decode(wide, "replace").isprintable():
        return ""
    return f"1: this is {wide.upper()} without a byte order mark; add --encoding {wide}"


def _place(before: bytes, encoding: str) -> str:
    """Return the line, and the character in it, of what follows; both count from 1."""
    lines = re.split(r"\r\n|\r|\n", before.decode(encoding, "replace"))
    return f"{len(lines)}: character {len(lines[-1]) + 1}"
