"""What a session may still buy."""

from cometrunway.errors import BudgetError


class Allowance:
    """Counts creates before they leave, those that are accepted or in doubt: at most `budget`; None is no limit."""

    def __init__(self, budget: int | None) -> None:
        self._budget = budget
        self._spent = 0
        self.is_stopped = False
        """Whether nothing more may be bought."""

    @property
    def is_limited(self) -> bool:
        """Whether there can be an end to it."""
        return self._budget is not None or self.is_stopped

    def take(self) -> None:
        """Count one create; `BudgetError` if there may be no more."""
        self.check()
        if self._budget is not None and self._spent >= self._budget:
            raise BudgetError(f"the budget of {self._budget} creates is used up; nothing was sent")
        self._spent += 1

    def give_back(self) -> None:
        """Count one less: it was refused, or not sent."""
        self._spent -= 1

    def stop(self) -> None:
        """Let nothing more be bought."""
        self.is_stopped = True

    def check(self) -> None:
        """Make sure that what was counted may still leave; else `BudgetError`."""
        if self.is_stopped:
            raise BudgetError("submitting was stopped; nothing was sent")
