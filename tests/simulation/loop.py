"""An event loop of one thread and virtual time, in which nothing depends on the machine.

Its sockets are those of a `Network`, its executors run inline, and its tasks have numbers, so that sets of them have
one order. It ends with `DeadlockError` where nothing can happen any more.
"""

import asyncio
import math
import selectors
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Protocol


class DeadlockError(Exception):
    """The loop waits for something, and no timer is left: a wait that never ends."""


class EndlessError(Exception):
    """The loop has taken more turns, or let more time pass, than any run needs."""


class Network(Protocol):
    """What carries bytes between the parts of one loop."""

    async def connect(self, address: tuple[str, int]) -> None:
        """Wait until a connection may be made; `OSError` if it is refused."""

    def attach(
        self, address: tuple[str, int], factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Make a connection to what listens at an address."""

    def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        """Listen at a free port."""


class Disk(Protocol):
    """What blocking work meets."""

    def seconds(self) -> tuple[float, float]:
        """Return how long the next work waits for its thread, and how long it takes."""

    def run(self, work: Callable[[], Any]) -> Any:
        """Do the work."""


class _Nothing(selectors.SelectSelector):
    """Watches nothing: where the loop would wait, time passes."""

    loop: "SimulatedLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.loop.let_pass(timeout)
        return []


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number: a set of tasks has the same order in every run."""

    numbers = count()

    def __new__(cls, *_: Any, **__: Any) -> "NumberedTask":
        task = super().__new__(cls)
        task.number = next(cls.numbers)
        return task

    number: int

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Runs on virtual time, over a network and a disk that are given to it."""

    def __init__(self, *, most_turns: int = 400_000, most_seconds: float = 400_000.0) -> None:
        selector = _Nothing()
        super().__init__(selector)
        selector.loop = self
        self.now = 0.0
        self.turns = 0
        self.most_turns = most_turns
        self.most_seconds = most_seconds
        self.network: Network | None = None
        self.disk: Disk | None = None
        self.on_turn: Callable[[], None] | None = None
        self._free_at: dict[object, float] = {}
        NumberedTask.numbers = count()
        self.set_debug(False)  # it would note where each callback was made, which takes several times as long
        self.set_task_factory(lambda loop, work, **options: NumberedTask(work, loop=loop, **options))

    def time(self) -> float:
        return self.now

    def let_pass(self, timeout: float | None) -> None:
        """End one turn; go on to the next timer."""
        self.turns += 1
        if timeout is None:
            raise DeadlockError(f"nothing can happen after {self.now:.3f} s and {self.turns} turns")
        self.now += timeout
        if self.turns > self.most_turns or self.now > self.most_seconds:
            raise EndlessError(f"no end after {self.now:.3f} s and {self.turns} turns")
        if self.on_turn is not None:
            self.on_turn()

    async def sock_connect(self, sock: Any, address: Any) -> None:
        assert self.network is not None
        self._addresses = getattr(self, "_addresses", {})
        await self.network.connect(address[:2])
        self._addresses[sock] = address[:2]

    async def create_connection(  # type: ignore[override]  # of its many options, two are used
        self, protocol_factory: Callable[[], Any], *_: Any, sock: Any, **__: Any
    ) -> tuple[asyncio.Transport, Any]:
        assert self.network is not None
        sock.close()
        return self.network.attach(self._addresses.pop(sock), protocol_factory)

    async def create_server(self, protocol_factory: Callable[[], Any], *_: Any, **__: Any) -> Any:
        assert self.network is not None
        return self.network.listen(protocol_factory)

    def run_in_executor(  # type: ignore[override]  # typeshed's own is stricter than the protocol needs
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Run a function as a thread would: it begins a little later, and its result comes later still.

        Where the future is cancelled before, it never begins; after that, it runs and its result is lost.
        """
        assert self.disk is not None
        if isinstance(executor, ThreadPoolExecutor) and executor._shutdown:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future = self.create_future()
        waits, takes = self.disk.seconds()
        begins = self.now + waits
        if executor is not None:  # one thread: one after the other
            begins = max(begins, self._free_at.get(executor, -math.inf))
            self._free_at[executor] = begins + takes
        self.call_at(begins, self._run, future, func, args, begins + takes)
        return future

    def _run(self, future: "asyncio.Future[Any]", func: Callable[..., Any], args: tuple[Any, ...], ends: float) -> None:
        assert self.disk is not None
        if future.cancelled():
            return
        try:
            result = self.disk.run(lambda: func(*args))
        except StopIteration as error:
            self.call_at(ends, _end, future, None, RuntimeError(str(error)))
        except Exception as error:  # noqa: BLE001 - it is the future's
            self.call_at(ends, _end, future, None, error)
        else:
            self.call_at(ends, _end, future, result, None)

    async def shutdown_default_executor(self, *_: Any) -> None:
        """There is none."""

    def timers(self) -> list[asyncio.TimerHandle]:
        """Return the timers that are still to come."""
        return [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]


def _end(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
