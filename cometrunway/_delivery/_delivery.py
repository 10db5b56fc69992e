"""What becomes of a task that ended: it is recorded, its files are fetched, and they are recorded."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._file_names import FileNames
from cometrunway._handle import Ticket
from cometrunway._journal._sqlite import Journal
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import AssetExpiredError, ProtocolError, TaskError


class Delivery:
    """Brings the files of ended tasks into one folder; without a folder, only says where they are."""

    def __init__(
        self,
        *,
        retrieve: Callable[[str, str], Awaitable[Task]],
        downloader: Downloader,
        journal: Journal | None,
        output_dir: Path | None,
        names: FileNames,
    ) -> None:
        self._retrieve = retrieve
        self._downloader = downloader
        self._journal = journal
        self._output_dir = output_dir
        self._names = names

    async def conclude(self, ticket: Ticket, task: Task) -> tuple[Asset, ...]:
        """Return the task's files, whole, on disk and recorded.

        Raises:
            TaskError: the task did not succeed.
            ProtocolError: it succeeded and names no file.
            DownloadError: a file could not be had.
            JournalError: the record could not be kept.
        """
        key = ticket.key
        if self._journal is not None and key is not None:
            await self._journal.end(key, task)
        if task.status is not TaskStatus.SUCCEEDED:
            raise TaskError.of(task, route=ticket.route)
        assets = await self._fetch(ticket, task)
        if self._journal is not None and key is not None:
            await self._journal.deliver(key, assets)
        return assets

    async def _fetch(self, ticket: Ticket, task: Task) -> tuple[Asset, ...]:
        if not task.outputs:
            body = repr(dict(task.raw)).encode()[:2000]
            raise ProtocolError(f"task {task.id} succeeded, but its answer names no output", status=200, body=body)
        if self._output_dir is None:
            return tuple(Asset(url=url) for url in task.outputs)
        names = self._names(key=ticket.key, task_id=task.id, route=ticket.route, files=len(task.outputs))
        return tuple(
            [await self._fetch_one(ticket, task, number, self._output_dir / name) for number, name in enumerate(names)]
        )

    async def _fetch_one(self, ticket: Ticket, task: Task, number: int, target: Path) -> Asset:
        url = task.outputs[number]
        try:
            return await self._downloader.fetch(url, folder=target.parent, stem=target.name)
        except AssetExpiredError:
            fresh = await self._retrieve(ticket.route, task.id)
            if url in fresh.outputs or len(fresh.outputs) <= number:
                raise
            return await self._downloader.fetch(fresh.outputs[number], folder=target.parent, stem=target.name)
