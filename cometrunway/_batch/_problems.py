"""What is wrong with a batch file: one message for each cause, however many rows it spoils."""

import re
from collections.abc import Iterator

from attrs import define, field

_LISTED = 5
"""Lines that a message names."""
_VALUE = re.compile(
    r"""(?<!field\ )(?<!option\ ) (?: '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" ) | <[^>]*> | [0-9][0-9,.]* | got\ [^;]*""",
    re.VERBOSE,
)
"""What of a message is a row's own: two messages that differ in nothing else have one cause."""


@define
class _Problem:
    reason: str
    lines: list[int] = field(factory=list)

    def __str__(self) -> str:
        lines = ", ".join(map(str, self.lines[:_LISTED])) + ", ..." * (len(self.lines) > _LISTED)
        return f"{self.reason} [{len(self.lines):,} rows: lines {lines}]" if len(self.lines) > 1 else self.reason


@define
class Problems:
    """All that is wrong with one file, in the order in which it was found."""

    name: str
    """What the file is called."""
    _found: dict[str, _Problem] = field(factory=dict, init=False)

    def add(self, line: int, reason: str, *, cause: str | None = None) -> None:
        """Add what is wrong with a line; of several with one cause, only the first reason is told."""
        self._found.setdefault(cause or _VALUE.sub("", reason), _Problem(reason)).lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        """Return a line `FILE:LINE: REASON` for each cause; of one on several lines, with their count and the first."""
        return "\n".join(self._told())

    def _told(self) -> Iterator[str]:
        for problem in self._found.values():
            yield f"{self.name}:{problem.lines[0]}: {problem}"
