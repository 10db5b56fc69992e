"""All chance of one run, from one seed; what goes wrong is numbered, and can be left out by its number."""

import hashlib
from collections.abc import Collection
from random import Random
from typing import Any

from attrs import define, field


@define(eq=False)
class Trace:
    """What happened, line by line, and a digest of it."""

    keeps: bool = False
    lines: list[str] = field(init=False, factory=list)
    _digest: Any = field(init=False, factory=hashlib.sha256)

    def note(self, now: float, *words: object) -> None:
        """Add a line."""
        line = f"{now:.6f} {' '.join(map(str, words))}"
        self._digest.update(line.encode() + b"\n")
        if self.keeps:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """The digest of all lines."""
        return str(self._digest.hexdigest())


@define(eq=False)
class Chance:
    """Draws for one purpose each, so that one that is left out shifts no other purpose's draws.

    Args:
        seed: of everything.
        kept: the numbers of what may go wrong; None for all.
    """

    seed: int
    kept: Collection[int] | None = None
    calm: bool = field(init=False, default=False)
    """Whether nothing goes wrong any more."""
    struck: list[tuple[int, str]] = field(init=False, factory=list)
    """What went wrong, with its number."""
    _purposes: dict[str, Random] = field(init=False, factory=dict)
    _drawn: int = field(init=False, default=0)

    def of(self, purpose: str) -> Random:
        """Return the randomness of a purpose."""
        rng = self._purposes.get(purpose)
        if rng is None:
            rng = self._purposes[purpose] = Random(f"{self.seed} {purpose}")
        return rng

    def strikes(self, what: str, rate: float) -> bool:
        """Whether it goes wrong now."""
        drawn = self.of(what).random() < rate
        if not drawn or self.calm:
            return False
        return self.happens(what)

    def happens(self, what: str) -> bool:
        """Number what is to go wrong, and say whether it does."""
        number = self._drawn
        self._drawn += 1
        if self.kept is not None and number not in self.kept:
            return False
        self.struck.append((number, what))
        return True
