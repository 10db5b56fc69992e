"""URLs: checked, and shown without what is secret in them."""

import re
import reprlib
from enum import Enum
from numbers import Number
from pathlib import Path, PurePath
from urllib.parse import urlsplit

URL_LIMIT = 2048
"""Characters of a URL (Runway's page on inputs)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # of two letters at least: `C:` is a drive


def check_web_url(url: str, *, field: str) -> None:
    """Make sure that it is an http(s) URL with a host, of at most 2048 characters; else `ValueError`."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        is_web = False
    if not is_web:
        raise ValueError(f"{field}: must be an http:// or https:// URL with a host, got {shown(url)}")
    check_form(url, field)


def scheme(uri: str) -> str | None:
    """Return the scheme in lower case, such as `https`; None for a path, with or without a drive letter."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else None


def shown(value: object) -> str:
    """Say what a value is in a few words, for messages and reprs: no content, no query of a signed URL."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Path):
        return f"Path({str(value)!r})"
    if isinstance(value, str) and value[:5].lower() == "data:":
        header = reprlib.Repr.repr_str(_short, value.partition(",")[0][:60], 1)[1:-1]
        return f"<{header}, {len(value)} characters>"
    if isinstance(value, str) and "://" in value[:12]:
        return reprlib.Repr.repr_str(_short, without_query(value), 1)
    text = _short.repr(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


class _Short(reprlib.Repr):
    """Shows values in a few words, and nothing of what may be a file's content, however deep it lies."""

    def repr_str(self, x: str, level: int) -> str:
        return shown(x) if x[:5].lower() == "data:" or "://" in x[:12] else super().repr_str(x, level)

    def repr_bytes(self, x: bytes, _level: int) -> str:
        return f"<{len(x)} bytes>"

    def repr_bytearray(self, x: bytearray, _level: int) -> str:
        return f"<{len(x)} bytes>"

    def repr_array(self, _x: object, _level: int) -> str:
        return "<array>"

    def repr_instance(self, x: object, level: int) -> str:
        is_told = isinstance(x, Number | Enum | PurePath | type(None)) or type(x).__module__.startswith("cometrunway.")
        return super().repr_instance(x, level) if is_told else f"<{type(x).__name__}>"


_short = _Short()
_short.maxstring = _short.maxother = 80


def check_form(url: str, field: str) -> None:
    """Make sure that a URL is of at most 2048 characters, none of them a space; else `ValueError`."""
    if len(url) > URL_LIMIT:
        raise ValueError(f"{field}: a URL has at most {URL_LIMIT} characters, got {len(url)}: {shown(url)}")
    if " " in url or not url.isprintable():
        raise ValueError(f"{field}: a URL has no spaces or control characters (percent-encode them), got {shown(url)}")


def without_query(url: str) -> str:
    """Return `url` without query, fragment and user information: the part that is safe to show."""
    base = url.partition("#")[0].partition("?")[0]
    scheme, separator, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else base
