"""Posts to `callback_url` what the API posts, only to addresses of this machine."""

import asyncio
import ipaddress
import math
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
from attrs import define, field

from cometrunway.emulator._dialects import DIALECTS, DialectName
from cometrunway.emulator._ledger import Ledger, PostedCallback
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._views import Observer

CallbackPolicy = Literal["end", "every", "none"]
"""When a callback is posted: when the task ends, at every change of its state, or never."""

_TIMEOUT = aiohttp.ClientTimeout(total=5.0)


@define(kw_only=True, eq=False)
class CallbackSender:
    """Follows the tasks that have a callback URL on this machine."""

    policy: CallbackPolicy
    dialect: DialectName
    ledger: Ledger
    observer: Observer
    _running: set[asyncio.Task[None]] = field(init=False, factory=set)
    _session: aiohttp.ClientSession | None = field(init=False, default=None)

    def follow(self, task: EmulatedTask) -> None:
        """Post about a task from now on."""
        if self.policy == "none" or task.callback_url is None or not is_loopback(task.callback_url):
            return
        running = asyncio.create_task(self._follow(task, task.callback_url))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Drop all posts that were not yet sent."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _follow(self, task: EmulatedTask, url: str) -> None:
        changes = {task.completed_at}
        if self.policy == "every":
            changes |= {task.admitted_at, task.started_at}
        for moment in sorted(changes - {math.inf}):
            await asyncio.sleep(moment - self.observer.epoch.now())
            body = DIALECTS[self.dialect].called_back(self.observer.view(task, moment))
            status, error = await self._post(url, body)
            now = self.observer.epoch.now()
            posted = PostedCallback(time=now, task_id=task.id, url=url, body=body, status=status, error=error)
            self.ledger.callbacks.append(posted)

    async def _post(self, url: str, body: Mapping[str, Any]) -> tuple[int | None, str | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.post(url, json=body, allow_redirects=False) as response:
                return response.status, None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine: `localhost` or a loopback address."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
