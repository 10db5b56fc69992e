"""Clips as a web service, with Litestar: `uvicorn litestar_app:app --timeout-graceful-shutdown 1`.

The environment gives COMETAPI_KEY, and PUBLIC_URL: where the gateway reaches this service.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from litestar import Litestar, MediaType, Request, asgi, get, post
from litestar.exceptions import HTTPException
from litestar.response import Stream
from msgspec import Meta

from cometrunway import AssetResponse, CallbackReceiver, ProGenerate, Session, TaskHandle
from cometrunway.errors import CometRunwayError

PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
PAGE = Path(__file__).with_name("player.html").read_text()
receiver = CallbackReceiver(f"{PUBLIC_URL}/callbacks")
session = Session(
    journal="clips.db", output_dir="clips", max_waiting=100, close_wait=0, journal_wait=30, callbacks=receiver
)
AGAIN = {"Retry-After": "2", "Cache-Control": "no-store"}  # for what may succeed in a moment


@asynccontextmanager
async def lifespan(_app: Litestar) -> AsyncIterator[None]:
    """Take up what an earlier process left, and leave at once what is in flight: the journal has it."""
    async with session:
        await session.resume()
        session.end_events_on(signal.SIGTERM, signal.SIGINT)
        yield


@dataclass
class Order:
    """What a client asks for. The same key never buys twice."""

    key: Annotated[str, Meta(pattern=r"^[^/.][^/]*$")]  # it is a part of paths
    prompt: str


@get("/", media_type=MediaType.HTML)
async def page() -> str:
    """Show a page that orders a clip, follows it and plays it."""
    return PAGE


@post("/clips", status_code=202)
async def submit(data: Order) -> dict[str, Any]:
    """Submit a clip; answer once the gateway has accepted it."""
    try:
        handle = await session.submit(ProGenerate(prompt=data.prompt), key=data.key)
    except (ValueError, CometRunwayError) as error:
        code = getattr(error, "http_status", 422)  # a ValueError is a wrong prompt or key
        raise HTTPException(str(error), status_code=code, headers=AGAIN if code == 503 else None) from error
    return await standing(handle)


@get("/clips/{key:str}")
async def status(key: str) -> dict[str, Any]:
    """Say how a clip stands."""
    return await standing(await find(key))


@get("/clips/{key:str}/events")
async def events(key: str) -> Stream:
    """Follow a clip to its end."""
    return Stream(session.events(await find(key)).sse(), media_type="text/event-stream")


@get("/clips/{key:str}/file")
async def file(key: str, request: Request[Any, Any, Any]) -> Stream:
    """Bring the clip, or the range of it that a player asks for."""
    handle = await find(key)
    if not handle.done():
        raise HTTPException("the clip is not ready yet", status_code=404, headers=AGAIN)
    if handle.exception():
        raise HTTPException(f"there is no file: {handle.exception()}", status_code=404)
    answer = AssetResponse(handle.result()[0], request.headers)
    return Stream(aiter(answer), status_code=answer.status, headers=answer.headers)


@get("/health")
async def health() -> dict[str, int]:
    """Say that the service lives, and how many clips are in flight."""
    return {"in_flight": len(session.owed)}


async def find(key: str) -> TaskHandle:
    """Return the handle of a clip, of this process or an earlier one."""
    handle = await session.find(key)
    if handle is None:
        raise HTTPException("no such clip", status_code=404)
    return handle


async def standing(handle: TaskHandle) -> dict[str, Any]:
    """Return how a clip stands: the first event of each reader."""
    return (await anext(session.events(handle))).to_dict()


callbacks = asgi("/callbacks", is_mount=True, copy_scope=True)(receiver.asgi)
app = Litestar([page, submit, status, events, file, health, callbacks], lifespan=[lifespan])
