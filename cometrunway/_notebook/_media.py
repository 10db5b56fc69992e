"""Plays files in a notebook. Small files are embedded in the notebook; larger files are linked."""

import base64
import os
from pathlib import Path
from urllib.parse import quote

from cometrunway._gallery._cards import MediaFile
from cometrunway._notebook._html import Html, tag
from cometrunway._tasks import Asset

EMBEDDED_EACH = 4_000_000
"""The largest number of bytes of an embedded file. A larger file is linked."""
EMBEDDED_SMALL = 400_000
"""The largest number of bytes of an embedded file in a grid."""
EMBEDDED_ALL = 30_000_000
"""The largest number of bytes that one kernel embeds; further files are linked. Base64 makes 40 MB of these bytes."""
_UNITS = ("bytes", "kB", "MB", "GB")


class _Embedded:
    """The number of bytes that this kernel has embedded so far."""

    total = 0


def player(asset: Asset, *, is_small: bool) -> Html:
    """Return a player or an image for a file; a link if browsers cannot show it; text if it is not on this disk."""
    file = MediaFile.at(asset.path) if asset.path else None
    if file is None or file.size is None:
        return tag("div", where(asset), style="overflow-wrap:anywhere")
    kind, name = file.media_type.partition("/")[0], file.path.name
    if kind not in {"image", "video", "audio"}:
        return tag("a", name, href=_link(file.path), download=True)
    source = _source(file, EMBEDDED_SMALL if is_small else EMBEDDED_EACH)
    style = f"max-width:100%;max-height:{120 if is_small else 360}px"
    if kind == "image":
        return tag("img", src=source, alt=name, style=style)
    if kind == "video":
        return tag(
            "video", src=source, title=name, controls=True, loop=True, muted=True, preload="metadata", style=style
        )
    return tag("audio", src=source, title=name, controls=True, preload="metadata", style="max-width:100%")


def where(asset: Asset) -> str:
    """Return the place of a file, without the signature of a URL."""
    if asset.location:
        return asset.location
    return f"{asset.path.name} is not on this disk, or of no kind that is shown" if asset.path else "not downloaded"


def size_of(number: int | None) -> str | None:
    """Return a number of bytes in a readable unit; None if it is not known."""
    if number is None:
        return None
    size, unit = float(number), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 or size >= 100 else f"{size:.1f} {_UNITS[unit]}"


def _source(file: MediaFile, limit: int) -> str:
    size = file.size or 0
    if size > limit or _Embedded.total + size > EMBEDDED_ALL:
        return _link(file.path)
    try:
        content = file.path.read_bytes()
    except OSError:
        return _link(file.path)
    _Embedded.total += len(content)
    return f"data:{file.media_type};base64,{base64.b64encode(content).decode()}"


def _link(path: Path) -> str:
    """Return the URL relative to the kernel's folder. It is the notebook's folder, and front ends serve it."""
    try:
        relative = Path(os.path.relpath(path))
    except ValueError:  # on another drive of Windows
        return path.absolute().as_uri()
    return "/".join(quote(os.fsencode(part), safe="") for part in relative.parts)
