"""Ten thousand posts, half of them forged, malformed, replayed or late: every outcome is the API's own."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import aiohttp

from cometrunway import CallbackReceiver, PollPolicy, ProGenerate, Session, TaskHandle
from cometrunway.emulator import Emulator, LogNormal
from tests.callbacks.hooks import mounted

REAL, FALSE = 5_000, 5_000
TASKS = REAL // 2 + 1
"""Each posts that it runs, and that it has ended; the first post comes before it is submitted."""


def body_of(task_id: str, status: str, rng: Random) -> bytes:
    """Return what a forger sends: a body that claims an end, or nonsense."""
    claim = {"task_id": task_id, "status": status, "video_url": "https://evil.example/clip.mp4"}
    whole = json.dumps(claim).encode()
    return rng.choice(
        [
            whole,
            whole[: len(whole) // 2],
            json.dumps([claim]).encode(),
            json.dumps({"code": "success", "data": {**claim, "data": claim}}).encode(),
            b'{"a":' * 10_000,
            b"\xff\xfe" + whole,
            json.dumps({**claim, "task_id": {"$ne": None}}).encode(),
            json.dumps({**claim, "task_id": "../../" + task_id}).encode(),
            b"9" * 5_000,
            b"",
        ]
    )


async def false_posts(emulator: Emulator, public_url: str, rng: Random) -> AsyncIterator[tuple[str, bytes]]:
    """Yield posts to unknown paths, to paths that were seen somewhere, and once more what was posted already."""
    known = list(emulator.tasks.values())
    for number in range(FALSE):
        task, other = rng.choice(known), rng.choice(known)
        path = str(task.callback_url).rpartition("/")[2]
        match number % 5:
            case 0:
                yield f"{public_url}/{rng.randbytes(30).hex()[:40]}", body_of(task.id, "3", rng)
            case 1:
                yield f"{public_url}/{path[: rng.randrange(40)]}", body_of(task.id, "3", rng)
            case 2:
                yield f"{public_url}/{path}", body_of(other.id, rng.choice("0123"), rng)
            case 3:
                yield f"{public_url}/{path}", body_of(task.id, rng.choice("23"), rng)
            case _:
                posted = rng.choice(emulator.callbacks) if emulator.callbacks else None
                url = posted.url if posted else f"{public_url}/{path}"
                yield url, json.dumps(posted.body if posted else {}).encode()


async def forge(emulator: Emulator, public_url: str, answers: Counter[int]) -> None:
    """Send all of them over the time in which the tasks run, and after it."""
    async with aiohttp.ClientSession() as client:
        async for url, body in false_posts(emulator, public_url, Random(7)):
            async with client.post(url, data=body) as answer:
                answers[answer.status] += 1
            await asyncio.sleep(0.03)


def expected_by(receiver: CallbackReceiver) -> int:
    """Return how many submissions a receiver's session expects callbacks of."""
    posts: Any = receiver._take
    return len(posts.__self__._expected)


async def test_of_ten_thousand_posts_no_false_one_changes_an_outcome(session: Callable[..., Session]) -> None:
    """Each task ends as it does at the API, not before, and is bought once; each post gets the same answer."""
    answers: Counter[int] = Counter()
    async with Emulator(
        dialect="duomi", callbacks="every", duration=LogNormal(median=60.0), failure_rate=0.3, not_exist_seconds=0.0
    ) as emulator:
        options: dict[str, Any] = {"output_dir": None, "max_in_flight": TASKS, "poll": PollPolicy(per_second=1000)}
        async with mounted() as receiver, session(emulator, callbacks=receiver, **options) as runway:
            handles = await asyncio.gather(
                *(runway.submit(ProGenerate(prompt=f"a cat, {number} times")) for number in range(TASKS))
            )
            loop, ended = asyncio.get_running_loop(), dict[str, float]()

            def on_end(handle: TaskHandle) -> None:
                ended[handle.id] = loop.time()

            for handle in handles:
                handle.add_done_callback(on_end)
            await forge(emulator, receiver.public_url, answers)
            tasks = [await handle.wait() for handle in handles]
            await asyncio.gather(*handles, return_exceptions=True)
            await asyncio.sleep(1)
            assert expected_by(receiver) == 0
    assert answers == {200: FALSE}
    assert len(emulator.callbacks) >= REAL
    assert {posted.status for posted in emulator.callbacks} == {200}
    assert emulator.creates.accepted == emulator.creates.received == TASKS
    for task in tasks:
        truth = emulator.tasks[task.id]
        assert task.status.value == truth.outcome
        assert ended[task.id] >= truth.completed_at
        assert not any("evil.example" in url for url in task.outputs)
