"""Records the end of a task, downloads its files, and records the files."""

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
"""The number of missing files for which an error gives the reason."""


class Delivery:
    """Stores the files of ended tasks where the session keeps files. If it keeps none, returns their URLs."""

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
        """Return the task's files after they are downloaded, stored and recorded.

        Raises:
            TaskError: the task did not succeed.
            ProtocolError: the task succeeded, but its answer names no file.
            DownloadError: a file could not be downloaded. All other files are downloaded and recorded.
            JournalError: the journal is damaged.
        """
        files = await self._known_files(future, task)
        is_all = not self._output.keeps_files and bool(task.outputs) and task.status is TaskStatus.SUCCEEDED
        if not is_all:  # if nothing is downloaded, recording the files also records the end
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
        """Return the task's files: the recorded file if it still exists, else only the URL."""
        files = [Asset(url=url) for url in task.outputs]
        if future.key is None or not self._output.keeps_files or len(files) < 2:  # its one file is missing
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
        """Store each missing file. A file that fails does not stop the download and recording of the others."""

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
    """Return the recorded file of each output, found by URL; by position if the task's URLs differ in each poll."""
    by_url = {asset.url: asset for asset in recorded}
    shown = [without_query(url) for url in outputs]
    if len(by_url) == len(recorded) and by_url.keys() == set(shown):
        return [by_url[url] for url in shown]
    return list(recorded) if len(recorded) == len(outputs) else [Asset(url=url) for url in outputs]


def _one_error(missing: Mapping[int, DownloadError], files: Sequence[Asset]) -> DownloadError:
    """Return one error for all missing files."""
    first = next(iter(missing.values())).with_traceback(None)  # its traceback does not help a user
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
    """Wait until a change is recorded. If the journal cannot be written now, it keeps the change for later."""
    with suppress(JournalUnavailableError):
        await change
