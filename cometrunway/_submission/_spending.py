"""Counts creates in budgets: the session's own, and one that the caller's submissions share."""

from decimal import Decimal
from types import TracebackType
from typing import Self

from cometrunway._budget import Budget
from cometrunway._requests._routes import Request
from cometrunway.errors import BudgetError


class Spending:
    """The spending of a session, which may also be stopped.

    Args:
        budget: the budget of all submissions of the session; None is no limit.
    """

    def __init__(self, budget: Budget | None) -> None:
        self._budget = budget
        self.is_stopped = False
        """Whether submitting was stopped."""

    def stop(self) -> None:
        """Stop submitting."""
        self.is_stopped = True

    def check(self) -> None:
        """Check that a counted create may still be sent; else `BudgetError`."""
        if self.is_stopped:
            raise BudgetError("submitting was stopped; nothing was sent")

    def of(self, request: Request, shared: Budget | None) -> "Spent":
        """Return the spending of one create in the session's budget and in the shared budget."""
        return Spent(self, request, tuple(budget for budget in (self._budget, shared) if budget is not None))


class Spent:
    """The spending of one create. As a context manager, it gives the spending back at the end, unless it is kept."""

    def __init__(self, spending: Spending, request: Request, budgets: tuple[Budget, ...]) -> None:
        self._spending = spending
        self._request = request
        self._budgets = budgets
        self._taken: list[tuple[Budget, Decimal]] = []

    @property
    def is_limited(self) -> bool:
        """Whether a budget may be exceeded."""
        return self._spending.is_stopped or any(budget.is_limited for budget in self._budgets)

    def take(self) -> None:
        """Count the create once in each budget; `BudgetError` if a budget is used up or submitting was stopped."""
        self._spending.check()
        if not self._taken:
            for budget in self._budgets:
                self._taken.append((budget, budget.take(self._request)))

    def keep(self) -> None:
        """Keep the create counted, because it is accepted or in doubt."""
        self._taken.clear()

    def give_back(self) -> None:
        """Subtract the create, because it was not sent or was refused."""
        for budget, price in self._taken:
            budget.give_back(price)
        self._taken.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.give_back()
