"""Clips as a web service, with Django under ASGI: `uvicorn django_app:app --lifespan on --timeout-graceful-shutdown 1`.

The environment gives COMETAPI_KEY, and PUBLIC_URL: where the gateway reaches this service.
"""

import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from cometrunway import AssetResponse, CallbackReceiver, ProGenerate, Session, TaskHandle
from cometrunway.errors import CometRunwayError

PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
PAGE = Path(__file__).with_name("player.html").read_text()
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
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=[urlsplit(PUBLIC_URL).hostname])


@require_GET
async def page(_request: HttpRequest) -> HttpResponse:
    """Show a page that orders a clip, follows it and plays it."""
    return HttpResponse(PAGE)


@require_POST
async def submit(request: HttpRequest) -> HttpResponse:
    """Submit a clip; answer once the gateway has accepted it. The same key never buys twice."""
    order = ordered(request.body)
    if order is None:
        return refusal(400, ORDER)
    key, prompt = order
    try:
        handle = await session.submit(ProGenerate(prompt=prompt), key=key)
    except (ValueError, CometRunwayError) as error:
        code = getattr(error, "http_status", 422)  # a ValueError is a wrong prompt or key
        return refusal(code, str(error), AGAIN if code == 503 else None)
    return await standing(handle, 202)


@require_GET
async def status(_request: HttpRequest, key: str) -> HttpResponse:
    """Say how a clip stands."""
    return await standing(await find(key), 200)


@require_GET
async def events(_request: HttpRequest, key: str) -> StreamingHttpResponse:
    """Follow a clip to its end."""
    return StreamingHttpResponse(session.events(await find(key)).sse(), content_type="text/event-stream")


@require_GET
async def file(request: HttpRequest, key: str) -> HttpResponse | StreamingHttpResponse:
    """Bring the clip, or the range of it that a player asks for."""
    handle = await find(key)
    if not handle.done():
        return refusal(404, "the clip is not ready yet", AGAIN)
    if handle.exception():
        return refusal(404, f"there is no file: {handle.exception()}")
    answer = AssetResponse(handle.result()[0], request.headers)
    return StreamingHttpResponse(aiter(answer), status=answer.status, headers=answer.headers)


@require_GET
async def health(_request: HttpRequest) -> JsonResponse:
    """Say that the service lives, and how many clips are in flight."""
    return JsonResponse({"in_flight": len(session.owed)})


def ordered(body: bytes) -> tuple[str, str] | None:
    """Return the key and the prompt of an order; None if it is none."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        order = None
    match order:
        case {"key": str(key), "prompt": str(prompt)} if re.fullmatch(KEY, key):
            return key, prompt
    return None


def refusal(code: int, text: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer with a plain text."""
    return HttpResponse(text, "text/plain; charset=utf-8", code, headers=headers)


async def find(key: str) -> TaskHandle:
    """Return the handle of a clip, of this process or an earlier one."""
    handle = await session.find(key)
    if handle is None:
        raise Http404
    return handle


async def standing(handle: TaskHandle, code: int) -> JsonResponse:
    """Answer how a clip stands: the first event of each reader."""
    return JsonResponse((await anext(session.events(handle))).to_dict(), status=code)


urlpatterns = [
    path("", page),
    path("clips", submit),
    path("clips/<key>", status),
    path("clips/<key>/events", events),
    path("clips/<key>/file", file),
    path("health", health),
]
views = get_asgi_application()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve Django's views, the callbacks, and the server's lifespan, which Django leaves to others."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"].startswith("/callbacks/"):
        await receiver.asgi(scope, receive, send)
    else:
        await views(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    """Take up what an earlier process left, and leave at once what is in flight: the journal has it."""
    await receive()
    async with session:
        await session.resume()
        session.end_events_on(signal.SIGTERM, signal.SIGINT)
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
