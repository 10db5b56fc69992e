"""Makes HTML. Prompts, keys and messages of a server are escaped, so that their markup is shown as text."""

from html import escape
from typing import Literal

from cometrunway._terminal import printable

_VOID = {"img"}
MUTED = "opacity:.7"
BAD = "color:color-mix(in srgb,currentColor 40%,#e5484d)"
"""A red that is readable on light and on dark pages."""


class Html(str):
    """Markup with escaped text."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str | Literal[True] | None) -> Html:
    """Return an element. Content that is not `Html` is escaped. An attribute of True has no value; None omits it."""
    given = {attribute: value for attribute, value in attributes.items() if value not in {None, False}}
    written = "".join(
        f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"'
        for attribute, value in given.items()
    )
    inside = "".join(part if isinstance(part, Html) else escape(printable(part)) for part in content)
    return Html(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{inside}</{name}>")


def joined(*parts: Html) -> Html:
    """Return the parts joined together."""
    return Html("".join(parts))


def facts(*told: str | None) -> str:
    """Return the texts that are not None, in one line."""
    return " · ".join(fact for fact in told if fact)
