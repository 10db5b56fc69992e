"""A server on this machine that behaves like CometAPI's Runway routes, to develop and to test against.

    async with Emulator(seed=7, speed=20) as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url) as runway:
            ...
    assert emulator.creates.repeats.total() == 0
    assert not emulator.leaked_credentials

It is written from the API's documentation and shares no code with the rest of this package. A mistake in the package is
therefore not repeated in the emulator.
"""

from cometrunway.emulator._cli import add_arguments, emulator_of, main, run, serve
from cometrunway.emulator._exchange import digest_of
from cometrunway.emulator._faults import Fault, Faults
from cometrunway.emulator._ledger import Creates, EmulatedUpload, LeakedCredential, LoggedRequest, PostedCallback
from cometrunway.emulator._server import Emulator
from cometrunway.emulator._task_maker import FAILURES, LogNormal, Uniform
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._virtual_loop import VirtualLoop

__all__ = [
    "FAILURES",
    "Creates",
    "EmulatedTask",
    "EmulatedUpload",
    "Emulator",
    "Fault",
    "Faults",
    "LeakedCredential",
    "LogNormal",
    "LoggedRequest",
    "PostedCallback",
    "Uniform",
    "VirtualLoop",
    "add_arguments",
    "digest_of",
    "emulator_of",
    "main",
    "run",
    "serve",
]
