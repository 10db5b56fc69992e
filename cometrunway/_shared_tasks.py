"""Tasks of a journal that several processes use: one polls each task, and the others follow it in the journal."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from attrs import frozen

from cometrunway._handle import Asked, Scheduler, TaskFuture, TaskReference
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._task_group import BackgroundTasks
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import JournalError, TaskCancelledError, TaskFailedError

Poll = Callable[[str, str, Asked], Awaitable[Task]]
Deliver = Callable[[TaskFuture, Task], Awaitable[tuple[Asset, ...]]]
Recall = Callable[[tuple[Asset, ...]], Awaitable[tuple[Asset, ...] | None]]


@frozen(kw_only=True, eq=False, repr=False)
class SharedTasks:
    """Polls and delivers the tasks of a journal that other processes may poll and deliver, too."""

    journal: JournalProtocol
    poll_api: Poll
    deliver_here: Deliver
    recall: Recall
    background: BackgroundTasks

    async def poll(self, route: str, task_id: str, asked: Asked) -> Task:
        """Return the state of a task: from the journal if another process polls it, else from the API."""
        entry = await self.journal.take(task_id)
        task = None if entry is None else await self._as_recorded(entry, task_id)
        return await self.poll_api(route, task_id, asked) if task is None else task

    async def _as_recorded(self, entry: Entry, task_id: str) -> Task | None:
        """Return the recorded state of a task that another process polls; None if the API must be asked."""
        if entry.is_unsuccessful:
            status = TaskStatus.CANCELLED if entry.state is State.CANCELLED else TaskStatus.FAILED
            return Task(id=task_id, status=status, failure=entry.failure)
        if entry.state is not State.DELIVERED:
            return Task(id=task_id, status=TaskStatus.RUNNING)
        if await self._files(entry) is None:
            return None
        return Task(id=task_id, status=TaskStatus.SUCCEEDED, outputs=tuple(asset.url for asset in entry.assets))

    async def _files(self, entry: Entry) -> tuple[Asset, ...] | None:
        """Return the files of an entry if this process can read all of them; else None. A URL alone is not a file."""
        is_kept = bool(entry.assets) and all(asset.is_kept for asset in entry.assets)
        return await self.recall(entry.assets) if is_kept else None

    async def deliver(self, future: TaskFuture, task: Task) -> tuple[Asset, ...]:
        """Return the files of a task: those of another process if this one can read them; else download them."""
        with suppress(JournalError):
            entry = await self.journal.take(task.id)
            if entry is not None and entry.state is State.DELIVERED:
                assets = await self._files(entry)
                if assets is not None:
                    future.deliver(task, delivered_at=entry.delivered_at or time.time())
                    return assets
        return await self.deliver_here(future, task)

    def scheduled_by(self, scheduler: Scheduler) -> "LeavingScheduler":
        """Return a scheduler that releases a task for other processes when this process no longer waits for it."""
        return LeavingScheduler(shared=self, scheduler=scheduler)

    def on_end(self, future: TaskFuture) -> None:
        """Release a task for other processes if its end is not known, or if its files could not be downloaded."""
        if future.cancelled() or self.background.is_closing:
            return  # closing the session releases it in any case
        error = future.exception()
        if error is not None and not isinstance(error, TaskFailedError | TaskCancelledError):
            self.background.start(self._leave(future.id), name=f"cometrunway leave {future.id}")

    async def _leave(self, task_id: str) -> None:
        with suppress(JournalError):
            await self.journal.leave(task_id, is_given_up=True)


@frozen(kw_only=True, eq=False, repr=False)
class LeavingScheduler:
    """Polls tasks, and releases those for other processes that it no longer waits for."""

    shared: SharedTasks
    scheduler: Scheduler

    def find(self, reference: TaskReference) -> TaskFuture | None:
        """Return the future of a task that is polled already."""
        return self.scheduler.find(reference)

    def watch(self, future: TaskFuture, *, age: float | None, has_callback: bool = False) -> None:
        """Poll a task from now on."""
        future.add_done_callback(self.shared.on_end)
        self.scheduler.watch(future, age=age, has_callback=has_callback)
