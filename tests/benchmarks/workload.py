"""What every client is given to do, and the note it takes of each end."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

KEY = "sk-benchmark"
HEADERS = {"Authorization": f"Bearer {KEY}", "X-Runway-Version": "2024-11-06", "Accept": "application/json"}
IMAGE = "https://example.com/cat.jpg"


class Workload:
    """So many tasks, submitted evenly over so many seconds."""

    def __init__(self, tasks: int, over: float) -> None:
        self.tasks = tasks
        self.ends: dict[str, float] = {}
        """When the client's own code had each task, by the machine's monotonic clock."""
        self.failures: Counter[str] = Counter()
        self._over = over

    async def model(self) -> AsyncIterator[int]:
        """Yield each task's number when it is time to submit it."""
        start = time.monotonic()
        for number in range(self.tasks):
            early = start + self._over * number / self.tasks - time.monotonic()
            if early > 0:
                await asyncio.sleep(early)
            yield number

    async def each_in_a_coroutine(self, one: Callable[[int], Awaitable[None]]) -> None:
        """Run `one` for each number, and count what it raises."""

        async def counted(number: int) -> None:
            try:
                await one(number)
            except Exception as error:  # noqa: BLE001 - whatever a client raises, its task has failed
                self.failures[type(error).__name__] += 1

        async with asyncio.TaskGroup() as group:
            async for number in self.model():
                group.create_task(counted(number))

    def ended(self, task_id: str) -> None:
        """Note that the client has told of a task's end."""
        self.ends[task_id] = time.monotonic()
