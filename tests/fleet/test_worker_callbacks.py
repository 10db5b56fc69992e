"""A callback ends the doubt that a killed worker left: the path of a create is known to all that share the journal."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cometrunway import PollPolicy
from cometrunway.emulator import Emulator, Fault, Faults
from cometrunway.fleet import Fleet
from tests.callbacks.hooks import mounted
from tests.emulator_process import ROOT
from tests.fleet.workers import entries
from tests.postgres import VARIABLE

pytestmark = pytest.mark.skipif(VARIABLE not in os.environ, reason=f"NOT TRIED: {VARIABLE} names no PostgreSQL")
_PROGRAM = """
import asyncio, sys
from cometrunway import CallbackReceiver, ProGenerate, Session

async def main(dsn, base_url, api_key, public_url):
    async with Session(api_key, base_url=base_url, journal=dsn, callbacks=CallbackReceiver(public_url)) as runway:
        await runway.submit(ProGenerate(prompt="a cat"), key="shot")

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_callback_ends_the_doubt_of_a_killed_process(dsn: str, fleet: Fleet, tmp_path: Path) -> None:
    """The create has arrived, its process is killed, and the callback comes before its lease has ended."""
    faults = Faults(create={Fault.slow(60): 1.0})
    async with Emulator(speed=20, faults=faults) as emulator, mounted() as receiver:
        arguments = (dsn, emulator.base_url, emulator.api_key, receiver.public_url)
        async with Fleet(dsn).working(
            api_key=emulator.api_key,
            base_url=emulator.base_url,
            output_dir=tmp_path,
            poll=PollPolicy(first=0.1, floor=0.05),
            callbacks=receiver,
        ):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PROGRAM, *arguments, cwd=ROOT)
            await until(lambda: emulator.creates.accepted == 1)
            process.kill()
            await process.wait()
            [file] = await wait_for_files(fleet)
        assert file.is_file()
        assert emulator.creates.accepted == 1
    assert entries(dsn)["shot"].state.value == "delivered"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it took too long")


async def wait_for_files(fleet: Fleet) -> list[Path]:
    """Wait until the shot, which is in doubt for a while, has its files."""
    for _ in range(300):
        found = [entry async for entry in fleet.events("shot")][-1]
        if not found.is_in_doubt:
            return [asset.path for asset in found.assets if asset.path]
        await asyncio.sleep(0.1)
    pytest.fail("it is in doubt still")
