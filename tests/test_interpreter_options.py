"""The options of the interpreter: the package works without asserts and docstrings, and causes no warning."""

import os
import subprocess
import sys
from pathlib import Path

BATCH = """
import asyncio, pkgutil
from importlib import import_module

import cometrunway
from cometrunway import ImageToVideo, ProGenerate, Session, Shot, TaskFailedError, TextToImage
from cometrunway.emulator import Emulator, Fault, VirtualLoop

FOREIGN = ("cometrunway._pytest_plugin", "cometrunway._cli._bundle")  # they import what need not be installed
for module in pkgutil.walk_packages(cometrunway.__path__, "cometrunway."):
    if not module.name.endswith("__main__") and not module.name.startswith(FOREIGN):
        import_module(module.name)

SHOTS = [
    Shot("clip", ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text="the cat yawns")),
    Shot("pro", ProGenerate(prompt="a dog")),
    Shot("still", TextToImage(prompt_text="a still", reference_images=["https://example.com/cat.jpg"])),
    Shot("fails", ProGenerate(prompt="[fail INTERNAL.BAD_OUTPUT.CODE01] a dog")),
]

async def ends(options):
    async with Emulator(seed=7) as emulator:
        emulator.script("create", Fault.rate_limited(), Fault.ok())
        async with Session(emulator.api_key, base_url=emulator.base_url, **options) as runway:
            async for handle in runway.map(SHOTS):
                try:
                    yield [asset.path.stat().st_size > 0 for asset in await handle]
                except TaskFailedError as error:
                    yield error.task.failure.code

async def main():
    options = {"journal": "shots.db", "output_dir": "shots"}
    return [[end async for end in ends(options)] for _run in range(2)]

with asyncio.Runner(loop_factory=VirtualLoop) as runner:
    first, second = runner.run(main())
print(Session.__doc__, sorted(map(str, first)), sorted(map(str, second)))
"""


def test_a_batch_runs_without_asserts_and_docstrings_and_with_warnings_as_errors(tmp_path: Path) -> None:
    """Every module is imported; a batch with a failure is run twice, from its journal the second time."""
    command = [sys.executable, "-OO", "-W", "error", "-X", "dev", "-c", BATCH]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    ends = "['INTERNAL.BAD_OUTPUT.CODE01', '[True]', '[True]', '[True]']"
    assert (ended.stdout, ended.stderr) == (f"None {ends} {ends}\n", "")


def test_the_command_explains_itself_without_docstrings() -> None:
    """What `--help` prints does not come from docstrings."""
    command = [sys.executable, "-m", "cometrunway", "run", "--help"]
    plain, optimised = (
        subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PYTHONOPTIMIZE": level}
        ).stdout
        for level in ("", "2")
    )
    assert optimised == plain
