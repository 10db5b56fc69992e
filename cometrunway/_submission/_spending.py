"""What creates take from budgets: the session's own, and one that the caller's submissions share."""

from decimal import Decimal
from types import TracebackType
from typing import Self

from cometrunway._budget import Budget
from cometrunway._requests._routes import Request
from cometrunway.errors import BudgetError


class Spending:
    """What a session may submit, until submitting is stopped.

    Args:
        budget: of all that the session submits; None for no limit.
    """

    def __init__(self, budget: Budget | None) -> None:
        self._budget = budget
        self.is_stopped = False
        """Whether nothing more may be submitted."""

    def stop(self) -> None:
        """Let nothing more be submitted."""
        self.is_stopped = True

    def check(self) -> None:
        """Make sure that what was counted may still leave; else `BudgetError`."""
        if self.is_stopped:
            raise BudgetError("submitting was stopped; nothing was sent")

    def of(self, request: Request, shared: Budget | None) -> "Spent":
        """Return what one create takes: of the session's budget, and of one that the caller shares."""
        return Spent(self, request, tuple(budget for budget in (self._budget, shared) if budget is not None))


class Spent:
    """What one create has taken from budgets. The block around it gives that back, unless it is kept."""

    def __init__(self, spending: Spending, request: Request, budgets: tuple[Budget, ...]) -> None:
        self._spending = spending
        self._request = request
        self._budgets = budgets
        self._taken: list[tuple[Budget, Decimal]] = []

    @property
    def is_limited(self) -> bool:
        """Whether there may be too little."""
        return self._spending.is_stopped or any(budget.is_limited for budget in self._budgets)

    def take(self) -> None:
        """Count the create in each budget, once; `BudgetError` where there is too little in one, or all is stopped."""
        self._spending.check()
        if not self._taken:
            for budget in self._budgets:
                self._taken.append((budget, budget.take(self._request)))

    def keep(self) -> None:
        """Leave it counted: the create is accepted, or in doubt."""
        self._taken.clear()

    def give_back(self) -> None:
        """Count it back: nothing is sent, or what was sent was refused."""
        for budget, price in self._taken:
            budget.give_back(price)
        self._taken.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.give_back()
