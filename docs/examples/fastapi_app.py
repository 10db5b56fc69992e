"""Clips as a web service, with FastAPI: `uvicorn fastapi_app:app --timeout-graceful-shutdown 1`.

The environment gives COMETAPI_KEY, and PUBLIC_URL: where the gateway reaches this service.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from cometrunway import AssetResponse, CallbackReceiver, ProGenerate, Session, TaskHandle
from cometrunway.errors import CometRunwayError

PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
receiver = CallbackReceiver(f"{PUBLIC_URL}/callbacks")
session = Session(
    journal="clips.db", output_dir="clips", max_waiting=100, close_wait=0, journal_wait=30, callbacks=receiver
)
AGAIN = {"Retry-After": "2", "Cache-Control": "no-store"}  # for what may succeed in a moment


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Take up what an earlier process left, and leave at once what is in flight: the journal has it."""
    async with session:
        await session.resume()
        session.end_events_on(signal.SIGTERM, signal.SIGINT)
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/callbacks", receiver.asgi)


class Order(BaseModel):
    """What a client asks for. The same key never buys twice."""

    key: str = Field(pattern=r"^[^/.][^/]*$")  # it is a part of paths
    prompt: str


@app.exception_handler(RequestValidationError)
async def refuse(request: Request, error: RequestValidationError) -> Response:
    """Answer 400 to a body that is no order."""
    answer = await request_validation_exception_handler(request, error)
    answer.status_code = 400
    return answer


@app.get("/")
async def page() -> FileResponse:
    """Show a page that orders a clip, follows it and plays it."""
    return FileResponse(Path(__file__).with_name("player.html"))


@app.post("/clips", status_code=202)
async def submit(order: Order) -> dict[str, Any]:
    """Submit a clip; answer once the gateway has accepted it."""
    try:
        handle = await session.submit(ProGenerate(prompt=order.prompt), key=order.key)
    except (ValueError, CometRunwayError) as error:
        code = getattr(error, "http_status", 422)  # a ValueError is a wrong prompt or key
        raise HTTPException(code, str(error), AGAIN if code == 503 else None) from error
    return await standing(handle)


@app.get("/clips/{key}")
async def status(key: str) -> dict[str, Any]:
    """Say how a clip stands."""
    return await standing(await find(key))


@app.get("/clips/{key}/events")
async def events(key: str) -> StreamingResponse:
    """Follow a clip to its end."""
    return StreamingResponse(session.events(await find(key)).sse(), media_type="text/event-stream")


@app.get("/clips/{key}/file")
async def file(key: str, request: Request) -> StreamingResponse:
    """Bring the clip, or the range of it that a player asks for."""
    handle = await find(key)
    if not handle.done():
        raise HTTPException(404, "the clip is not ready yet", AGAIN)
    if handle.exception():
        raise HTTPException(404, f"there is no file: {handle.exception()}")
    answer = AssetResponse(handle.result()[0], request.headers)
    return StreamingResponse(answer, answer.status, answer.headers)


@app.get("/health")
async def health() -> dict[str, int]:
    """Say that the service lives, and how many clips are in flight."""
    return {"in_flight": len(session.owed)}


async def find(key: str) -> TaskHandle:
    """Return the handle of a clip, of this process or an earlier one."""
    handle = await session.find(key)
    if handle is None:
        raise HTTPException(404, "no such clip")
    return handle


async def standing(handle: TaskHandle) -> dict[str, Any]:
    """Return how a clip stands: the first event of each reader."""
    return (await anext(session.events(handle))).to_dict()
