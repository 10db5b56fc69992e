"""Clips as a web service, with Starlette: `uvicorn starlette_app:app --timeout-graceful-shutdown 1`.

The environment gives COMETAPI_KEY, and PUBLIC_URL: where the gateway reaches this service.
"""

import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Mount, Route

from cometrunway import AssetResponse, CallbackReceiver, ProGenerate, Session, TaskHandle
from cometrunway.errors import CometRunwayError

PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
receiver = CallbackReceiver(f"{PUBLIC_URL}/callbacks")
session = Session(
    journal="clips.db", output_dir="clips", max_waiting=100, close_wait=0, journal_wait=30, callbacks=receiver
)
AGAIN = {"Retry-After": "2", "Cache-Control": "no-store"}  # for what may succeed in a moment
KEY = r"[^/.][^/]*"  # a key is a part of paths
ORDER = (
    'the body must be JSON such as {"key": "cat", "prompt": "the cat yawns"}; '
    "a key has no slash, and does not begin with a dot"
)


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[None]:
    """Take up what an earlier process left, and leave at once what is in flight: the journal has it."""
    async with session:
        await session.resume()
        session.end_events_on(signal.SIGTERM, signal.SIGINT)
        yield


async def page(_request: Request) -> FileResponse:
    """Show a page that orders a clip, follows it and plays it."""
    return FileResponse(Path(__file__).with_name("player.html"))


async def submit(request: Request) -> JSONResponse:
    """Submit a clip; answer once the gateway has accepted it. The same key never buys twice."""
    key, prompt = ordered(await request.body())
    try:
        handle = await session.submit(ProGenerate(prompt=prompt), key=key)
    except (ValueError, CometRunwayError) as error:
        code = getattr(error, "http_status", 422)  # a ValueError is a wrong prompt or key
        raise HTTPException(code, str(error), AGAIN if code == 503 else None) from error
    return await standing(handle, 202)


async def status(request: Request) -> JSONResponse:
    """Say how a clip stands."""
    return await standing(await find(request), 200)


async def events(request: Request) -> StreamingResponse:
    """Follow a clip to its end."""
    return StreamingResponse(session.events(await find(request)).sse(), media_type="text/event-stream")


async def file(request: Request) -> StreamingResponse:
    """Bring the clip, or the range of it that a player asks for."""
    handle = await find(request)
    if not handle.done():
        raise HTTPException(404, "the clip is not ready yet", AGAIN)
    if handle.exception():
        raise HTTPException(404, f"there is no file: {handle.exception()}")
    answer = AssetResponse(handle.result()[0], request.headers)
    return StreamingResponse(answer, answer.status, answer.headers)


async def health(_request: Request) -> JSONResponse:
    """Say that the service lives, and how many clips are in flight."""
    return JSONResponse({"in_flight": len(session.owed)})


def ordered(body: bytes) -> tuple[str, str]:
    """Return the key and the prompt of an order."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        order = None
    match order:
        case {"key": str(key), "prompt": str(prompt)} if re.fullmatch(KEY, key):
            return key, prompt
    raise HTTPException(400, ORDER)


async def find(request: Request) -> TaskHandle:
    """Return the handle of a clip, of this process or an earlier one."""
    handle = await session.find(request.path_params["key"])
    if handle is None:
        raise HTTPException(404, "no such clip")
    return handle


async def standing(handle: TaskHandle, code: int) -> JSONResponse:
    """Answer how a clip stands: the first event of each reader."""
    return JSONResponse((await anext(session.events(handle))).to_dict(), code)


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/", page),
        Route("/clips", submit, methods=["POST"]),
        Route("/clips/{key}", status),
        Route("/clips/{key}/events", events),
        Route("/clips/{key}/file", file),
        Route("/health", health),
        Mount("/callbacks", receiver.asgi),
    ],
)
