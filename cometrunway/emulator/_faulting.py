"""Chooses the fault of the next request: first the faults that a test scripted, then by chance."""

from collections import deque
from collections.abc import Iterable
from random import Random

from attrs import define, field

from cometrunway.emulator._exchange import Operation
from cometrunway.emulator._faults import OPERATIONS, Fault, FaultOperation, Faults, Rates

_NONE = Fault.ok()


@define(kw_only=True, eq=False)
class FaultPicker:
    """Chooses the fault of each request."""

    rng: Random
    faults: Faults
    _scripts: dict[str, deque[Fault]] = field(
        init=False, factory=lambda: {operation: deque() for operation in OPERATIONS}
    )

    def script(self, operation: FaultOperation, faults: Iterable[Fault]) -> None:
        """Add faults for the next requests of an operation."""
        faults = tuple(faults)
        if not all(isinstance(fault, Fault) for fault in faults):
            raise TypeError(f"a script is made of Fault values, not {faults!r}; Fault.parse takes texts")
        if operation not in self._scripts:
            raise ValueError(f"operation must be one of {', '.join(OPERATIONS)}, not {operation!r}")
        self._scripts[operation].extend(faults)

    def waiting(self, operation: FaultOperation) -> int:
        """The number of scripted faults that are still to come."""
        return len(self._scripts[operation])

    def draw(self, operation: Operation) -> Fault:
        """The fault of the next request."""
        if operation not in self._scripts:
            return _NONE
        if self._scripts[operation]:
            return self._scripts[operation].popleft()
        rates: Rates = getattr(self.faults, operation)
        return self._chance(rates) if rates else _NONE

    def _chance(self, rates: Rates) -> Fault:
        left = self.rng.random()
        for fault, rate in rates.items():
            left -= rate
            if left < 0.0:
                return fault
        return _NONE
