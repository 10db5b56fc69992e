"""From a task that has ended to its files: the end is recorded, the files are downloaded, and they are recorded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

from cometrunway._delivery._downloader import Downloader
from cometrunway._delivery._file_names import FileNames
from cometrunway._delivery._free_space import FreeSpace
from cometrunway._delivery._output import Output
from cometrunway._handle import Asked, TaskFuture
from cometrunway._journal._protocol import JournalProtocol
from cometrunway._media._urls import without_query
from cometrunway._tasks import Asset, Task, TaskStatus
from cometrunway.errors import (
    AssetExpiredError,
    CometRunwayError,
    DownloadError,
    JournalUnavailableError,
    ProtocolError,
    TaskError,
)

_MOST_REASONS = 3
"""Of the files that cannot be had, for how many an error says why."""


class Delivery:
    """Puts the files of tasks that have ended where the session keeps them; where it keeps none, returns their URLs."""

    def __init__(
        self,
        *,
        retrieve: Callable[[str, str, Asked], Awaitable[Task]],
        downloader: Downloader,
        journal: JournalProtocol,
        output: Output,
        names: FileNames,
        space: FreeSpace,
    ) -> None:
        self._retrieve = retrieve
        self._downloader = downloader
        self._journal = journal
        self._output = output
        self._names = names
        self._space = space

    async def deliver(self, future: TaskFuture, task: Task) -> tuple[Asset, ...]:
        """Return the task's files, whole, in their place and recorded.

        Raises:
            TaskError: the task did not succeed.
            ProtocolError: it succeeded, and its answer names no file.
            DownloadError: a file could not be downloaded; all others are, and are recorded.
            JournalError: the journal is damaged.
        """
        files = await self._known_files(future, task)
        is_all = not self._output.keeps_files and bool(task.outputs) and task.status is TaskStatus.SUCCEEDED
        if not is_all:  # where nothing is downloaded, the delivery records the end as well
            await self._record_end(future, task, files)
        if task.status is not TaskStatus.SUCCEEDED:
            raise TaskError.of(task, route=future.route)
        if not task.outputs:
            body = repr(dict(task.raw)).encode()[:2000]
            raise ProtocolError(f"task {task.id} succeeded, but its answer names no output", status=200, body=body)
        if self._output.keeps_files:
            names = self._names(key=future.key, task_id=task.id, route=future.route, files=len(files))
            await self._store_missing(future, task, files, names)
        delivered_at = time.time()
        future.deliver(task, delivered_at=delivered_at)
        if future.key is not None:
            change = self._journal.deliver(future.key, tuple(files), task=task, delivered_at=delivered_at)
            await _as_soon_as_possible(change)
        return tuple(files)

    async def _known_files(self, future: TaskFuture, task: Task) -> list[Asset]:
        """Return the task's files: those that an earlier run has recorded and that are there, else only a URL."""
        files = [Asset(url=url) for url in task.outputs]
        if future.key is None or not self._output.keeps_files or len(files) < 2:  # one that is there is never owed
            return files
        with suppress(JournalUnavailableError):
            entry = await self._journal.find(future.key)
            if entry is not None and entry.task_id == task.id:
                recorded = _in_order(entry.assets, task.outputs)
                found = [await self._output.recall((asset,)) if asset.is_kept else None for asset in recorded]
                files = [new if old is None else old[0] for old, new in zip(found, files, strict=True)]
        return files

    async def _record_end(self, future: TaskFuture, task: Task, files: Sequence[Asset]) -> None:
        if future.key is not None:
            await _as_soon_as_possible(self._journal.end(future.key, task, assets=tuple(files)))

    async def _store_missing(self, future: TaskFuture, task: Task, files: list[Asset], names: Sequence[str]) -> None:
        """Put each file in its place: one that cannot be had keeps no other from being downloaded and recorded."""

        async def store(number: int) -> None:
            files[number] = await self._stored(future, task, number, names[number])
            if len(files) > 1:
                await self._record_end(future, task, files)

        missing = [number for number, file in enumerate(files) if not file.is_kept]
        outcomes = await asyncio.gather(*map(store, missing), return_exceptions=True)
        errors = {number: outcome for number, outcome in zip(missing, outcomes, strict=True) if outcome is not None}
        failed = {number: error for number, error in errors.items() if isinstance(error, DownloadError)}
        for error in errors.values():
            if not isinstance(error, DownloadError):
                raise error
        if failed:
            raise _one_error(failed, files)

    async def _stored(self, future: TaskFuture, task: Task, number: int, name: str) -> Asset:
        url = task.outputs[number]

        async def fresh_url() -> str:
            nonlocal url
            with suppress(CometRunwayError):
                outputs = (await self._retrieve(future.route, task.id, future.asked)).outputs
                if len(outputs) == len(task.outputs):
                    url = outputs[number]
            return url

        async def store() -> Asset:
            return await self._output.store(partial(self._downloader.download, url, fresh_url=fresh_url), name)

        return await self._space.stored(store, future)


def _in_order(recorded: tuple[Asset, ...], outputs: tuple[str, ...]) -> list[Asset]:
    """Return what is recorded of each output: by URL, or, where a task's URLs differ from poll to poll, by place."""
    by_url = {asset.url: asset for asset in recorded}
    shown = [without_query(url) for url in outputs]
    if len(by_url) == len(recorded) and by_url.keys() == set(shown):
        return [by_url[url] for url in shown]
    return list(recorded) if len(recorded) == len(outputs) else [Asset(url=url) for url in outputs]


def _one_error(missing: Mapping[int, DownloadError], files: Sequence[Asset]) -> DownloadError:
    """Return one error for all files that cannot be had."""
    first = next(iter(missing.values())).with_traceback(None)  # its way through the downloader tells a user nothing
    if len(files) == 1:
        return first
    numbers = ", ".join(str(number + 1) for number in missing)
    reasons = "; ".join(error.message for error in islice(missing.values(), _MOST_REASONS))
    message = f"{len(missing)} of {len(files)} files could not be downloaded (number {numbers}): {reasons}"
    if all(isinstance(error, AssetExpiredError) for error in missing.values()):
        whole: DownloadError = AssetExpiredError(message, asset=first.asset)
    else:
        retryable = any(error.retryable for error in missing.values())
        whole = DownloadError(message, asset=first.asset, retryable=retryable)
    whole.assets = tuple(file for file in files if file.is_kept)
    whole.__cause__ = first
    return whole


async def _as_soon_as_possible(change: Awaitable[None]) -> None:
    """Wait until a change is recorded; if it cannot be now, the journal keeps it, and the delivery goes on."""
    with suppress(JournalUnavailableError):
        await change
