"""What callbacks save: a tenth of the polls, and no lag."""

import asyncio
import json
from collections.abc import Callable
from random import Random
from statistics import quantiles

from cometrunway import ProGenerate, Session
from cometrunway.emulator import Emulator, LogNormal
from tests.callbacks.hooks import mounted


async def rolling(runway: Session, emulator: Emulator, number: int) -> list[float]:
    """Submit tasks one after another, half a second apart; return each one's seconds from its end to its handle."""
    loop, handles, ended = asyncio.get_running_loop(), [], dict[str, float]()
    for index in range(number):
        handle = await runway.submit(ProGenerate(prompt=f"a cat, {index} times"))
        handle.add_done_callback(lambda handle: ended.update({handle.id: loop.time()}))
        handles.append(handle)
        await asyncio.sleep(0.5)
    await asyncio.gather(*handles)
    began = loop.time() - emulator.requests[-1].time
    return [moment - began - emulator.tasks[task_id].completed_at for task_id, moment in ended.items()]


async def test_with_callbacks_a_tenth_of_the_polls_and_no_lag(session: Callable[..., Session]) -> None:
    """Of tasks of about two minutes; the first are polled as ever, until callbacks have proved right."""
    polls, lags = {}, {}
    for callbacks in ("end", "none"):
        async with Emulator(callbacks=callbacks, duration=LogNormal(median=120.0), progress="none") as emulator:
            async with mounted() as receiver, session(emulator, callbacks=receiver, rng=Random(7)) as runway:
                await rolling(runway, emulator, 400)
                before = len(emulator.requests_of("poll"))
                lags[callbacks] = await rolling(runway, emulator, 200)
                polls[callbacks] = len(emulator.requests_of("poll")) - before
    p95 = {name: quantiles(values, n=20)[-1] for name, values in lags.items()}
    print(json.dumps({"polls": polls, "p95": p95}))
    assert p95["end"] < 0.5
    assert polls["end"] * 10 <= polls["none"]
