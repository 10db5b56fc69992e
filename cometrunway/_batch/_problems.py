"""The errors of a batch file: one message for each cause, also if it affects many rows."""

import re
from collections.abc import Iterator

from attrs import define, field

_LISTED = 5
"""Lines that a message names."""
_VALUE = re.compile(
    r"""(?<!field\ )(?<!option\ ) (?: '(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" ) | <[^>]*> | [0-9][0-9,.]* | got\ [^;]*""",
    re.VERBOSE,
)
"""The parts of a message that depend on the row. Messages that differ only in these have the same cause."""


@define
class _Problem:
    reason: str
    lines: list[int] = field(factory=list)

    def __str__(self) -> str:
        lines = ", ".join(map(str, self.lines[:_LISTED])) + ", ..." * (len(self.lines) > _LISTED)
        return f"{self.reason} [{len(self.lines):,} rows: lines {lines}]" if len(self.lines) > 1 else self.reason


@define
class Problems:
    """The errors of one file, in the order in which they were found."""

    name: str
    """The name of the file."""
    _found: dict[str, _Problem] = field(factory=dict, init=False)

    def add(self, line: int, reason: str, *, cause: str | None = None) -> None:
        """Add an error of a line. Of several with the same cause, only the first reason is shown."""
        lines = self._found.setdefault(cause or _VALUE.sub("", reason), _Problem(reason)).lines
        if lines[-1:] != [line]:  # the heading of a table is wrong once, whatever the number of its rows
            lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __str__(self) -> str:
        """Return a line `FILE:LINE: REASON` for each cause; for several lines, the first of them and their number."""
        return "\n".join(self._told())

    def _told(self) -> Iterator[str]:
        for problem in self._found.values():
            yield f"{self.name}:{problem.lines[0]}: {problem}"
