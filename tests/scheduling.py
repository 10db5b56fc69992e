"""A scheduler that runs without a session, for tests, simulations and benchmarks of polling."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import TypeVar

from cometrunway import PollPolicy
from cometrunway._events import EventEmitter, Observer
from cometrunway._polling._scheduler import Deliver, Poll, PollScheduler
from cometrunway._task_group import BackgroundTasks

_S = TypeVar("_S", bound=PollScheduler)


async def never_cancelled(_route: str, _task_id: str) -> None:
    """Stand for a provider that gets no request to cancel."""
    raise AssertionError


@asynccontextmanager
async def polling(
    kind: type[_S], *, poll: Poll, deliver: Deliver, policy: PollPolicy, rng: Random, on_event: Observer | None = None
) -> AsyncIterator[_S]:
    """Run a scheduler until the block is left and all its tasks have ended, as a session does."""
    background = BackgroundTasks()
    scheduler = kind(
        poll=poll,
        cancel=never_cancelled,
        deliver=deliver,
        policy=policy,
        rng=rng,
        background=background,
        events=EventEmitter(on_event),
    )
    async with AsyncExitStack() as stack:
        stack.callback(scheduler.close)
        await background.open()
        scheduler.start()
        wait = 0.0  # an error ends it at once
        try:
            yield scheduler
            wait = math.inf
        finally:
            await background.close(wait=wait, grace=20)
