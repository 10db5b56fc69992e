"""How much may be submitted: an amount of creates or of money, which several submissions share."""

from collections.abc import Callable
from decimal import Decimal
from threading import Lock

from cometrunway._policies import whole
from cometrunway._requests._routes import Request
from cometrunway.errors import BudgetError

Amount = int | float | Decimal
"""An amount of money, in the unit of the prices."""


class Budget:
    """A limit that submissions share: those of a user or a tenant, of a batch, or of one or more sessions.

    Each create is counted before anything is sent, and counted back if it is refused or not sent. A create in doubt
    stays counted, and one that the journal has already is not counted. A create that exceeds the budget raises
    `BudgetError`. The counters live as long as this object, in one process; threads may share it.

    Args:
        creates: how many creates there may be; None for no limit.
        money: how much they may cost together, in the unit of `price`; None for no limit.
        price: called with each request before it is sent; returns what it costs, 0 or more. It must not block.

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
        self._money = None if money is None else _decimal("money", money)
        self._price = price
        if money is not None and price is None:
            raise ValueError("a Budget of money needs price=, a function that returns what a request costs")
        self._lock = Lock()
        self._used_creates = 0
        self._used_money = Decimal(0)

    @property
    def creates(self) -> int | None:
        """How many creates there may be."""
        return self._creates

    @property
    def money(self) -> Decimal | None:
        """How much they may cost together."""
        return self._money

    @property
    def used_creates(self) -> int:
        """How many creates are accepted, in doubt, or under way."""
        return self._used_creates

    @property
    def used_money(self) -> Decimal:
        """What they cost, where there are prices; else 0."""
        return self._used_money

    @property
    def is_limited(self) -> bool:
        """Whether it can be used up."""
        return self._creates is not None or self._money is not None

    def take(self, request: Request) -> Decimal:
        """Count one create and return its price; `BudgetError` if that would exceed the budget."""
        price = Decimal(0) if self._price is None else _decimal("a price", self._price(request))
        with self._lock:
            if self._creates is not None and self._used_creates >= self._creates:
                raise BudgetError(f"the budget of {self._creates} creates is used up; nothing was sent")
            if self._money is not None and self._used_money + price > self._money:
                left = self._money - self._used_money
                raise BudgetError(
                    f"the budget of {self._money} has {left} left, and this create costs {price}; nothing was sent"
                )
            self._used_creates += 1
            self._used_money += price
        return price

    def give_back(self, price: Decimal) -> None:
        """Count one create of this price less: it was refused, or not sent."""
        with self._lock:
            self._used_creates -= 1
            self._used_money -= price

    def __repr__(self) -> str:
        creates = f"{self._used_creates} of {self._creates} creates"
        money = "" if self._price is None else f", {self._used_money} of {self._money}"
        return f"<Budget {creates}{money}>"


def _decimal(name: str, amount: object) -> Decimal:
    if isinstance(amount, int | float | Decimal) and not isinstance(amount, bool):
        exact = Decimal(str(amount))
        if exact.is_finite() and exact >= 0:
            return exact
    raise ValueError(f"{name} must be a number of at least 0, got {amount!r}")
