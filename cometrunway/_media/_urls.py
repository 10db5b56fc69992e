"""Checks URLs, normalises them as a browser does, and shows them without their secrets."""

import re
import reprlib
from enum import Enum
from ipaddress import IPv6Address
from numbers import Number
from pathlib import Path, PurePath
from urllib.parse import urlsplit

URL_LIMIT = 2048
"""The largest number of characters of a URL (Runway's page on inputs)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # at least two letters, because `C:` is a drive


def check_web_url(url: str, *, field: str) -> None:
    """Check that a text is an http(s) URL with a host and at most 2048 characters; else `ValueError`."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # invalid brackets or port
        is_web = False
    if not is_web:
        raise ValueError(f"{field}: must be an http:// or https:// URL with a host, got {shown(url)}")
    check_form(url, field)


def scheme(uri: str) -> str | None:
    """Return the scheme in lower case, such as `https`; None for a path, with or without a drive letter."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else None


def is_data_url(text: str) -> bool:
    """Whether a text is a `data:` URL. Fast for a text of any length."""
    return text[:5].lower() == "data:"


def shown(value: object) -> str:
    """Return a short text about a value for messages and reprs, without its content and without the query of a URL."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Path):
        return f"Path({str(value)!r})"
    if isinstance(value, str) and is_data_url(value):
        header = reprlib.Repr.repr_str(_short, value.partition(",")[0][:60], 1)[1:-1]
        return f"<{header}, {len(value)} characters>"
    if isinstance(value, str) and "://" in value[:12]:
        return reprlib.Repr.repr_str(_short, without_query(value), 1)
    text = _short.repr(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


_MEDIA_TYPE_END = 80


class _Short(reprlib.Repr):
    """Shows values in a few words. Hides all values that may be a file's content, at any depth."""

    def repr_str(self, x: str, level: int) -> str:
        return shown(x) if is_data_url(x) or "://" in x[:12] else super().repr_str(x, level)

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
    """Check that a URL has at most 2048 characters and no spaces; else `ValueError`."""
    if len(url) > URL_LIMIT:
        raise ValueError(f"{field}: a URL has at most {URL_LIMIT} characters, got {len(url)}: {shown(url)}")
    if " " in url or not url.isprintable():
        raise ValueError(f"{field}: a URL has no spaces or control characters (percent-encode them), got {shown(url)}")


def without_query(url: str) -> str:
    """Return `url` without query, fragment and user information. The result is safe to show.

    For a `data:` URL, it is the media type.
    """
    if is_data_url(url):
        return re.split("[,;]", url[:_MEDIA_TYPE_END], maxsplit=1)[0]
    base = url.partition("#")[0].partition("?")[0]
    scheme, separator, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else base


_LONGEST = 64 * 1024
_BLANK = "".join(map(chr, range(0x21))) + "\x7f\xa0\u3000\ufeff"
_LINE_BREAKS = re.compile(r"[\t\n\r]")
_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(/*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_AUTHORITY = re.compile(r"(?:[^/]*@)?(\[[0-9A-Fa-f:.]+\]|[^][:@]+)(?::([0-9]{0,5}))?")
_NOT_IN_HOSTS = re.compile(r"[\0-\x20\"#%<>\\^`{|}\x7f]")
_NOT_IN_PATHS = re.compile(r"[^!#-;=?-\]_a-z|~]+")
_NOT_IN_QUERIES = re.compile(r"[^!#-;=?-~]+")


def normalised_url(text: str, *, relative_to: str | None = None) -> str | None:
    """Return the http(s) URL that a browser would open, in printable ASCII; None if the text is not such a URL.

    Blanks around the URL and line breaks within it are removed. Spaces and non-ASCII characters are percent-encoded
    as UTF-8; a non-ASCII host is encoded by IDNA. A missing scheme before `//` becomes that of `relative_to`, or
    https. Dot segments are resolved. Signatures stay valid: each `%XX`, `+`, `&`, `=` and empty segment is kept.

    Args:
        text: at most 65,536 characters. The whole text is read as one URL, also any words after the URL.
        relative_to: the normalised base of a relative URL, such as the URL that redirected.
    """
    head, mark, tail = re.split(r"([?#]|\Z)", _LINE_BREAKS.sub("", text[: _LONGEST + 1].strip(_BLANK)), maxsplit=1)
    parts = _PARTS.fullmatch(head.replace("\\", "/") + mark + tail)
    if parts is None or len(text) > _LONGEST:
        return None
    scheme_name, slashes, rest, query, fragment = parts.groups("")
    base = _PARTS.fullmatch(relative_to or "")
    base_scheme, _, base_rest, base_query, _ = base.groups("") if base else ("",) * 5
    base_authority, _, base_path = base_rest.partition("/")
    if scheme_name or len(slashes) > 1:
        authority, _, path = rest.partition("/") if slashes else ("", "", "")
    else:
        authority, path = base_authority, rest if slashes else "".join(base_path.rpartition("/")[:2]) + rest
        if not slashes and not rest:
            path, query = base_path, query or base_query
    scheme_name = (scheme_name or base_scheme or "https").lower()
    authority = _normalised_authority(authority)
    if scheme_name not in {"http", "https"} or not authority:
        return None
    path = _NOT_IN_PATHS.sub(_percent_encoded, _without_dots(path))
    return f"{scheme_name}://{authority}/{path}" + _NOT_IN_QUERIES.sub(_percent_encoded, query + fragment)


def _normalised_authority(authority: str) -> str:
    """Return user information, host and port in a form that can be sent; empty if there is no host."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None or (match[2] and not 0 < int(match[2]) < 65536):
        return ""
    try:
        host = match[1] if match[1].isascii() else match[1].encode("idna").decode()
        if host.startswith("["):
            IPv6Address(host[1:-1])
    except ValueError:  # not an address, or a name that IDNA cannot encode
        return ""
    if _NOT_IN_HOSTS.search(host):
        return ""
    user = _NOT_IN_PATHS.sub(_percent_encoded, authority[: match.start(1)])
    return user + host.lower() + authority[match.end(1) :]


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/".join([*kept, ""] if segments[-1] in {".", ".."} else kept)


def _percent_encoded(match: re.Match[str]) -> str:
    try:
        encoded = match[0].encode("utf-8", "surrogateescape")  # keep header bytes that are not UTF-8
    except UnicodeEncodeError:
        encoded = match[0].encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return "".join(f"%{byte:02X}" for byte in encoded)
