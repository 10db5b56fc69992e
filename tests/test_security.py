"""What a run leaves behind holds no key of the API and no signature of a URL."""

import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from cometrunway import CometRunwayError, Event, RetryPolicy, Session
from cometrunway.emulator import Emulator, Fault
from cometrunway.emulator._faults import FaultOperation
from tests.samples import ALL_ROUTES, yawn
from tests.telemetry.test_recorder import Exporters

KEY = "sk-canary-4711"
SIGNATURE = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
"""The part that all signatures of the emulator have in common."""
ONCE = RetryPolicy(attempts=1)
FAULTS: dict[FaultOperation, list[Fault]] = {
    "create": [Fault.answer(400), Fault.answer(401), Fault.drop_after(), Fault.answer(502), Fault.answer(200, "x")],
    "poll": [Fault.answer(500), Fault.drop_before(), Fault.answer(200, "<p>no JSON</p>")],
    "asset": [Fault.cut(), Fault.drop_before(), *[Fault.answer(404)] * 20],
}


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the content of all files in a folder."""
    for path in folder.rglob("*"):
        yield str(path), path.read_bytes().decode("latin-1") if path.is_file() else ""


def told(error: BaseException) -> str:
    """Return an error's traceback with the local variables of each frame but those of this file, and its causes'."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    behind: traceback.TracebackException | None = whole
    while behind is not None:
        behind.stack[:] = [frame for frame in behind.stack if frame.filename != __file__]
        behind = behind.__cause__ or behind.__context__
    return "".join(whole.format())


async def run(folder: Path, exporters: Exporters) -> dict[str, str]:
    """Submit requests of all routes, and meet faults; return all that can be seen of the run, by its place."""
    seen: dict[str, str] = {}
    events: list[Event] = []
    async with Emulator(api_key=KEY, speed=1e6, not_exist_seconds=0) as emulator:
        for operation, faults in FAULTS.items():
            emulator.script(operation, *faults)
        emulator.next_task(fails="SAFETY.INPUT.TEXT")
        session = Session(
            KEY,
            base_url=emulator.base_url,
            journal=folder / "shots.db",
            output_dir=folder / "shots",
            retry=ONCE,
            on_event=events.append,
            telemetry=exporters.telemetry(prompts=True),
        )
        async with session as runway:
            requests = {f"shot-{number}": request for number, request in enumerate([*map(yawn, range(9)), *ALL_ROUTES])}
            for key, request in requests.items():
                try:
                    handle = await runway.submit(request, key=key)
                    seen[f"a token {key}"] = f"{handle!r} {handle.token} {pickle.dumps(handle)!r}"
                    assets = await handle
                    seen[f"assets {key}"] = f"{assets!r} {handle.task!r}"
                except CometRunwayError as error:
                    seen[f"an error {key}"] = told(error) + repr(error) + repr(pickle.dumps(error))
            seen["the session"] = f"{session!r}"
        assert emulator.leaked_credentials == []
    seen["events"] = f"{events!r} {[event.to_dict() for event in events]!r}"
    seen["spans"] = repr([(span.attributes, span.events, span.status.description) for span in exporters.spans])
    return seen


async def test_a_run_leaves_no_key_and_no_signature(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a file, an event, a span, a log at DEBUG, a pickle, or a traceback with local variables."""
    caplog.set_level(logging.DEBUG)
    seen = await run(tmp_path, Exporters())
    seen["logs"] = caplog.text
    seen.update(files(tmp_path))
    errors = [place for place in seen if place.startswith("an error")]
    assert len(errors) >= 7
    assert {place: secret for place, text in seen.items() for secret in (KEY, SIGNATURE) if secret in text} == {}
