"""Budgets: limits of creates or of money that several submissions share."""

from collections.abc import Callable
from decimal import Decimal
from threading import Lock

from cometrunway._keywords import hints_keywords
from cometrunway._plurals import counted
from cometrunway._policies import whole
from cometrunway._requests._routes import Request
from cometrunway.errors import BudgetError

Amount = int | float | Decimal
"""An amount of money, in the unit of the prices."""


@hints_keywords
class Budget:
    """A limit that several submissions share, such as those of a user, of a batch, or of several sessions.

    Each create is counted before anything is sent. If it is refused or not sent, it is subtracted again. A create in
    doubt stays counted. A create that the journal has already is not counted. A create that would exceed the budget
    raises `BudgetError`. The counters are in this object only, in one process. Threads may share it.

    Args:
        creates: the largest number of creates; None is no limit.
        money: the largest total price, in the unit of `price`; None is no limit.
        price: a function that is called with each request before it is sent, and returns its price, 0 or more. It must
            not block.

    Raises:
        ValueError: a limit is below 0, or `money` is given without `price`.
    """

    def __init__(
        self,
        *,
        creates: int | None = None,
        money: Amount | None = None,
        price: Callable[[Request], Amount] | None = None,
    ) -> None:
        self._creates = None if creates is None else whole("creates", creates, at_least=0)
        self._money = None if money is None else amount_of("money", money)
        self._price = price
        if money is not None and price is None:
            raise ValueError("a Budget of money needs price=, a function that returns what a request costs")
        self._lock = Lock()
        self._used_creates = 0
        self._used_money = Decimal(0)

    @property
    def creates(self) -> int | None:
        """The largest number of creates."""
        return self._creates

    @property
    def money(self) -> Decimal | None:
        """The largest total price."""
        return self._money

    @property
    def used_creates(self) -> int:
        """The number of creates that are accepted, in doubt or under way."""
        return self._used_creates

    @property
    def used_money(self) -> Decimal:
        """The total price of these creates; 0 without prices."""
        return self._used_money

    @property
    def is_limited(self) -> bool:
        """Whether the budget has a limit."""
        return self._creates is not None or self._money is not None

    def take(self, request: Request) -> Decimal:
        """Count one create and return its price; `BudgetError` if it would exceed the budget."""
        price = Decimal(0) if self._price is None else amount_of("a price", self._price(request))
        with self._lock:
            if self._creates is not None and self._used_creates >= self._creates:
                raise BudgetError(f"the budget of {counted(self._creates, 'create')} is used up; nothing was sent")
            if self._money is not None and self._used_money + price > self._money:
                left = self._money - self._used_money
                raise BudgetError(
                    f"the budget of {self._money} has {left} left, and this create costs {price}; nothing was sent"
                )
            self._used_creates += 1
            self._used_money += price
        return price

    def give_back(self, price: Decimal) -> None:
        """Subtract one create of this price, which was refused or not sent."""
        with self._lock:
            self._used_creates -= 1
            self._used_money -= price

    def __repr__(self) -> str:
        most = "any number of creates" if self._creates is None else counted(self._creates, "create")
        creates = f"{self._used_creates} of {most}"
        money = "" if self._price is None else f", {self._used_money} of {self._money}"
        return f"<Budget {creates}{money}>"


def amount_of(name: str, amount: object) -> Decimal:
    """Return an amount of money; `ValueError` unless it is a finite number of at least 0."""
    if isinstance(amount, int | float | Decimal) and not isinstance(amount, bool):
        exact = Decimal(str(amount))
        if exact.is_finite() and exact >= 0:
            return exact
    raise ValueError(f"{name} must be a number of at least 0, got {amount!r}")


def checked_budget(budget: object) -> Budget | None:
    """Return what submissions share; `TypeError` for what is no `Budget`."""
    if budget is None or isinstance(budget, Budget):
        return budget
    raise TypeError(f"budget must be a Budget, such as Budget(creates=3), got {budget!r:.100}")
