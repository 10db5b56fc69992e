"""From a task that has ended to its files: the end is recorded, the files are downloaded, and they are recorded."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._file_names import FileNames
from cometrunway._handle import TaskFuture
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import AssetExpiredError, JournalUnavailableError, ProtocolError, TaskError


class Delivery:
    """Downloads the files of tasks that have ended into one folder; without a folder, returns their URLs."""

    def __init__(
        self,
        *,
        retrieve: Callable[[str, str], Awaitable[Task]],
        downloader: Downloader,
        journal: JournalProtocol,
        output_dir: Path | None,
        names: FileNames,
    ) -> None:
        self._retrieve = retrieve
        self._downloader = downloader
        self._journal = journal
        self._output_dir = output_dir
        self._names = names

    async def deliver(self, future: TaskFuture, task: Task) -> tuple[Asset, ...]:
        """Return the task's files, whole, on disk and recorded.

        Raises:
            TaskError: the task did not succeed.
            ProtocolError: it succeeded, and its answer names no file.
            DownloadError: a file could not be downloaded.
            JournalError: the journal is damaged.
        """
        is_all = task.status is TaskStatus.SUCCEEDED and bool(task.outputs) and self._output_dir is None
        if future.key is not None and not is_all:  # where nothing is downloaded, the delivery records the end as well
            await _as_soon_as_possible(self._journal.end(future.key, task))
        if task.status is not TaskStatus.SUCCEEDED:
            raise TaskError.of(task, route=future.route)
        if not task.outputs:
            body = repr(dict(task.raw)).encode()[:2000]
            raise ProtocolError(f"task {task.id} succeeded, but its answer names no output", status=200, body=body)
        if self._output_dir is None:
            assets = [Asset(url=url) for url in task.outputs]
        else:
            names = self._names(key=future.key, task_id=task.id, route=future.route, files=len(task.outputs))
            targets = [self._output_dir / name for name in names]
            assets = [await self._download(future, task, *numbered) for numbered in enumerate(targets)]
        delivered_at = time.time()
        future.deliver(task, delivered_at=delivered_at)
        if future.key is not None:
            change = self._journal.deliver(future.key, tuple(assets), task=task, delivered_at=delivered_at)
            await _as_soon_as_possible(change)
        return tuple(assets)

    async def _download(self, future: TaskFuture, task: Task, number: int, target: Path) -> Asset:
        """Download one file; where its URL has expired, ask the task for a fresh one, once."""
        url = task.outputs[number]
        try:
            return await self._downloader.download(url, folder=target.parent, stem=target.name)
        except AssetExpiredError:
            fresh = await self._retrieve(future.route, task.id)
            if url in fresh.outputs or len(fresh.outputs) <= number:
                raise
            return await self._downloader.download(fresh.outputs[number], folder=target.parent, stem=target.name)


async def _as_soon_as_possible(change: Awaitable[None]) -> None:
    """Wait until a change is recorded; if it cannot be now, the journal keeps it, and the delivery goes on."""
    with suppress(JournalUnavailableError):
        await change
