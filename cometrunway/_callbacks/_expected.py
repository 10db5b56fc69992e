"""The submissions whose callbacks may come: those under way, tasks, and doubts that have a path of their own."""

import asyncio
from collections.abc import Callable
from functools import partial

from attrs import define, field

from cometrunway._callbacks._paths import LENGTH, callback_path, is_path, selector

_NOBODY = "." * LENGTH
"""What an unknown path is compared with."""
_PER_SECOND = 1.0
_BURST = 20.0
"""Posts to one path that are looked at: so many per second, and so many at once after a time without any."""


@define(kw_only=True, eq=False)
class ExpectedCallback:
    """What callbacks of one submission are about."""

    path: str = field(repr=False)
    """Where they come; empty where the session has no receiver, or the user's own `callback_url` is sent."""
    key: str | None
    """Of the submission, in the journal; None where there is none."""
    submitted_at: float | None
    """When it was submitted, in wall-clock seconds since 1970: what is submitted once more has the same key."""
    task: tuple[str, str] | None = None
    """The route and the id of the task, once that is known."""
    is_in_doubt: bool = False
    """Whether the create was sent and its answer is lost."""
    confirming: asyncio.Future[None] | None = None
    """What confirms the id that a callback supplied, as long as it does."""
    claimed_id: str | None = None
    """An id that a callback supplied, unless it is ruled out that the submission has become that task."""
    forget: Callable[[], None] = field(repr=False)
    """Expects no more callbacks: the task has ended, or none was created."""
    _early: Callable[[], None] | None = None
    _spent_until: float = 0.0

    def admits(self, now: float) -> bool:
        """Count a post, and return whether it is looked at: posts to one path are limited."""
        spent_until = max(self._spent_until, now) + 1 / _PER_SECOND
        if spent_until - now > _BURST / _PER_SECOND:
            return False
        self._spent_until = spent_until
        return True

    def later(self, act: Callable[[], None]) -> None:
        """Call `act` once the create has ended: a post came before its answer. The latest post counts."""
        self._early = act

    def accepted(self, route: str, task_id: str) -> None:
        """Record the task that callbacks are about from now on."""
        self.task = route, task_id
        self.is_in_doubt = False
        self._act()

    def doubted(self) -> None:
        """Record that the create's answer is lost: a callback may supply the id."""
        self.is_in_doubt = True
        self._act()

    @property
    def has_id(self) -> bool:
        """Whether a callback has supplied the id of a task that this submission has become, or may have become."""
        return self.task is not None or self.claimed_id is not None

    async def settled(self) -> None:
        """Wait until what callbacks have said so far is confirmed, ruled out, or cannot be: a create was refused."""
        was_in_doubt, self.is_in_doubt = self.is_in_doubt, True
        self._act()
        self.is_in_doubt = was_in_doubt
        if self.confirming is not None:
            await asyncio.wait([self.confirming])

    def _act(self) -> None:
        act, self._early = self._early, None
        if act is not None:
            act()


class ExpectedCallbacks:
    """Gives submissions their paths, and finds the submission of a path.

    Args:
        public_url: what the gateway can reach, without a slash at its end; None expects no callbacks.
        secret: random bytes; equal secrets derive equal paths.
    """

    def __init__(self, *, public_url: str | None, secret: bytes) -> None:
        self._public_url = public_url
        self._secret = secret
        self._by_selector: dict[str, ExpectedCallback] = {}

    def __len__(self) -> int:
        return len(self._by_selector)

    def path(self, name: str, submitted_at: float | None) -> str:
        """Return the path of the submission of this name at this time; an empty one where no callbacks are expected.

        A submission that is repeated has another path: the gateway may still post about the earlier task.
        """
        return callback_path(self._secret, f"{name} {submitted_at!r}") if self._public_url else ""

    def url(self, path: str) -> str | None:
        """Return what the gateway is given; None for an empty path."""
        return f"{self._public_url}/{path}" if path else None

    def expect(self, path: str, *, key: str | None, submitted_at: float | None) -> ExpectedCallback:
        """Accept callbacks to this path, from before the create is sent until the path is forgotten."""
        expected = ExpectedCallback(path=path, key=key, submitted_at=submitted_at, forget=partial(self.forget, path))
        if path:
            self._by_selector[selector(path)] = expected
        return expected

    def forget(self, path: str) -> None:
        """Expect no more callbacks to this path."""
        self._by_selector.pop(selector(path), None)

    def find(self, path: str) -> ExpectedCallback | None:
        """Return the submission of a path; None for a path that no submission has."""
        expected = self._by_selector.get(selector(path))
        is_known = is_path(path, _NOBODY if expected is None else expected.path)
        return expected if is_known else None
