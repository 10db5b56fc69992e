"""The line of the user's program that called this package. Warnings name it."""

import sys
import warnings
from types import FrameType
from typing import Any

from attrs import field, frozen

_NOT_USERS = frozenset({"cometrunway", "asyncio", "contextvars", "threading", "concurrent"})
"""This package, and those that may be between the user's line and ours."""


@frozen
class Caller:
    """A line of the user's program."""

    file: str
    line: int
    module: str
    told: dict[Any, Any] = field(repr=False, eq=False)
    """The warnings that this module has emitted. Python emits a warning once for each line."""

    @classmethod
    def nearest(cls) -> "Caller":
        """Return the line that called this package; in a new asyncio task, the line that runs the event loop."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as `warnings` itself does
        outermost = frame
        while frame is not None and not _is_users(frame):
            outermost, frame = frame, frame.f_back
        found = frame or outermost
        assert found is not None  # noqa: S101 - this function has a caller
        names = found.f_globals
        told = names.setdefault("__warningregistry__", {})
        return cls(found.f_code.co_filename, found.f_lineno, names.get("__name__") or "<string>", told)

    def warn(self, message: str, category: type[Warning]) -> None:
        """Emit a warning that names this line."""
        warnings.warn_explicit(message, category, self.file, self.line, module=self.module, registry=self.told)


def _is_users(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")  # None in a function that attrs has made
    return name is not None and name.partition(".")[0] not in _NOT_USERS
