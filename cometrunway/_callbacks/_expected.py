"""The submissions whose callbacks may come: submissions under way, tasks, and submissions in doubt with a path."""

import asyncio
from collections.abc import Callable
from functools import partial

from attrs import define, field

from cometrunway._callbacks._paths import LENGTH, callback_path, is_path, selector

_NO_PATH = "." * LENGTH
"""The value with which an unknown path is compared."""
_PER_SECOND = 1.0
_BURST = 20.0
"""The limits of processed posts to one path: per second, and at once after a time without posts."""


@define(kw_only=True, eq=False)
class ExpectedCallback:
    """The submission to which callbacks on one path belong."""

    path: str = field(repr=False)
    """The path of the callbacks; empty if the session has no receiver, or the user's own `callback_url` is sent."""
    key: str | None
    """The submission's key in the journal; None if there is none."""
    submitted_at: float | None
    """The time of the submission, in wall-clock seconds since 1970. A repeated submission has the same key."""
    task: tuple[str, str] | None = None
    """The route and the id of the task; None until they are known."""
    is_in_doubt: bool = False
    """Whether the create was sent and its answer is lost."""
    confirming: asyncio.Future[None] | None = None
    """The asyncio task that confirms the id of a callback; None if none is running."""
    claimed_id: str | None = None
    """The task id from a callback, unless the submission has certainly not become that task."""
    forget: Callable[[], None] = field(repr=False)
    """Ends the expectation of callbacks, because the task has ended or no task was created."""
    _early: Callable[[], None] | None = None
    _spent_until: float = 0.0

    def admits(self, now: float) -> bool:
        """Count a post. Return whether it is processed: the number of posts to one path is limited."""
        spent_until = max(self._spent_until, now) + 1 / _PER_SECOND
        if spent_until - now > _BURST / _PER_SECOND:
            return False
        self._spent_until = spent_until
        return True

    def later(self, act: Callable[[], None]) -> None:
        """Call `act` when the create has ended, because a post came before the answer. Only the latest post is used."""
        self._early = act

    def accepted(self, route: str, task_id: str) -> None:
        """Record the task to which later callbacks belong."""
        self.task = route, task_id
        self.is_in_doubt = False
        self._act()

    def doubted(self) -> None:
        """Record that the create's answer is lost, so that a callback may supply the id."""
        self.is_in_doubt = True
        self._act()

    @property
    def has_id(self) -> bool:
        """Whether a callback has supplied the id of a task that this submission has, or may have, become."""
        return self.task is not None or self.claimed_id is not None

    async def settled(self) -> None:
        """Wait until the ids from callbacks so far are confirmed or excluded, or the create was refused."""
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
        public_url: the URL that the gateway can reach, without a final slash; None if no callbacks are expected.
        secret: random bytes. Equal secrets give equal paths.
    """

    def __init__(self, *, public_url: str | None, secret: bytes) -> None:
        self._public_url = public_url
        self._secret = secret
        self._by_selector: dict[str, ExpectedCallback] = {}

    @property
    def has_receiver(self) -> bool:
        """Whether callbacks can come."""
        return bool(self._public_url)

    def __len__(self) -> int:
        return len(self._by_selector)

    def path(self, name: str, submitted_at: float | None) -> str:
        """Return the path of the submission with this name at this time; empty if no callbacks are expected.

        A repeated submission has another path, because the gateway may still post about the earlier task.
        """
        return callback_path(self._secret, f"{name} {submitted_at!r}") if self._public_url else ""

    def url(self, path: str) -> str | None:
        """Return the `callback_url` of a path; None for an empty path."""
        return f"{self._public_url}/{path}" if path else None

    def expect(self, path: str, *, key: str | None, submitted_at: float | None) -> ExpectedCallback:
        """Accept callbacks to this path until `forget`. Call it before the create is sent."""
        forget = partial(self.forget, path) if path else _nothing
        expected = ExpectedCallback(path=path, key=key, submitted_at=submitted_at, forget=forget)
        if path:
            self._by_selector[selector(path)] = expected
        return expected

    def has(self, path: str) -> bool:
        """Whether callbacks to this path are expected."""
        return selector(path) in self._by_selector

    def forget(self, path: str) -> None:
        """Ignore later callbacks to this path."""
        self._by_selector.pop(selector(path), None)

    def find(self, path: str) -> ExpectedCallback | None:
        """Return the submission of a path; None for an unknown path."""
        expected = self._by_selector.get(selector(path))
        is_known = is_path(path, _NO_PATH if expected is None else expected.path)
        return expected if is_known else None


def _nothing() -> None:
    """Forget no callbacks, because none are expected."""
