"""Clips as a web service, with aiohttp.web: `python aiohttp_app.py`.

The environment gives COMETAPI_KEY, PORT, and PUBLIC_URL: where the gateway reaches this service.
"""

import json
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import web

from cometrunway import AssetResponse, CallbackReceiver, ProGenerate, Session, TaskHandle
from cometrunway.errors import CometRunwayError

PORT = int(os.environ.get("PORT", "8000"))
receiver = CallbackReceiver(f"{os.environ.get('PUBLIC_URL', f'http://127.0.0.1:{PORT}')}/callbacks")
session = Session(
    journal="clips.db", output_dir="clips", max_waiting=100, close_wait=0, journal_wait=30, callbacks=receiver
)
routes = web.RouteTableDef()
AGAIN = {"Retry-After": "2", "Cache-Control": "no-store"}  # for what may succeed in a moment
KEY = r"[^/.][^/]*"  # a key is a part of paths
ORDER = (
    'the body must be JSON such as {"key": "cat", "prompt": "the cat yawns"}; '
    "a key has no slash, and does not begin with a dot"
)


async def lifespan(_app: web.Application) -> AsyncIterator[None]:
    """Take up what an earlier process left, and leave at once what is in flight: the journal has it."""
    await session.open()
    await session.resume()
    session.end_events_on(signal.SIGTERM, signal.SIGINT)
    yield
    await session.close()


@routes.get("/")
async def page(_request: web.Request) -> web.FileResponse:
    """Show a page that orders a clip, follows it and plays it."""
    return web.FileResponse(Path(__file__).with_name("player.html"))


@routes.post("/clips")
async def submit(request: web.Request) -> web.Response:
    """Submit a clip; answer once the gateway has accepted it. The same key never buys twice."""
    key, prompt = ordered(await request.read())
    try:
        handle = await session.submit(ProGenerate(prompt=prompt), key=key)
    except (ValueError, CometRunwayError) as error:
        code = getattr(error, "http_status", 422)  # a ValueError is a wrong prompt or key
        return web.Response(text=str(error), status=code, headers=AGAIN if code == 503 else None)
    return await standing(handle, 202)


@routes.get("/clips/{key}")
async def status(request: web.Request) -> web.Response:
    """Say how a clip stands."""
    return await standing(await find(request), 200)


@routes.get("/clips/{key}/events", allow_head=False)
async def events(request: web.Request) -> web.StreamResponse:
    """Follow a clip to its end."""
    body = session.events(await find(request)).sse()
    return await streamed(request, body, 200, {"Content-Type": "text/event-stream"})


@routes.get("/clips/{key}/file", allow_head=False)
async def file(request: web.Request) -> web.StreamResponse:
    """Bring the clip, or the range of it that a player asks for."""
    handle = await find(request)
    if not handle.done():
        raise web.HTTPNotFound(text="the clip is not ready yet", headers=AGAIN)
    if handle.exception():
        raise web.HTTPNotFound(text=f"there is no file: {handle.exception()}")
    answer = AssetResponse(handle.result()[0], request.headers)
    return await streamed(request, aiter(answer), answer.status, answer.headers)


@routes.get("/health")
async def health(_request: web.Request) -> web.Response:
    """Say that the service lives, and how many clips are in flight."""
    return web.json_response({"in_flight": len(session.owed)})


def ordered(body: bytes) -> tuple[str, str]:
    """Return the key and the prompt of an order."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        order = None
    match order:
        case {"key": str(key), "prompt": str(prompt)} if re.fullmatch(KEY, key):
            return key, prompt
    raise web.HTTPBadRequest(text=ORDER)


async def find(request: web.Request) -> TaskHandle:
    """Return the handle of a clip, of this process or an earlier one."""
    handle = await session.find(request.match_info["key"])
    if handle is None:
        raise web.HTTPNotFound(text="no such clip")
    return handle


async def standing(handle: TaskHandle, code: int) -> web.Response:
    """Answer how a clip stands: the first event of each reader."""
    return web.json_response((await anext(session.events(handle))).to_dict(), status=code)


async def streamed(
    request: web.Request, body: AsyncIterator[bytes], code: int, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a body as it comes, until the client goes away."""
    response = web.StreamResponse(status=code, headers=headers)
    await response.prepare(request)
    async for chunk in body:
        await response.write(chunk)
    return response


def application() -> web.Application:
    """Return the service."""
    app = web.Application()
    app.cleanup_ctx.append(lifespan)
    app.add_routes(routes)
    app.add_subapp("/callbacks", receiver.aiohttp_app())
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=PORT, shutdown_timeout=1, handler_cancellation=True)
