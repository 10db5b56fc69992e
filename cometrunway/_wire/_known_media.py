"""The media that providers accept: shapes of images and forms of URLs. `media.json` has the data, dates and sources."""

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from cometrunway._media._containers import is_whole
from cometrunway._media._hosts import Reach, literal_address, reach_of_host
from cometrunway._media._image_headers import image_header
from cometrunway._media._image_limits import Fault, ImageLimits
from cometrunway._media._inputs import LocalFile
from cometrunway._media._kinds import BEGINNING, sniff
from cometrunway._media._urls import scheme
from cometrunway._wire._provider import BUILT_IN, Provider

_TAKEN = "JPEG, PNG and WebP are taken"
_NOT_LIMITS = frozenset({"routes", "models", "source", "date"})


@cache
def known_media() -> Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]:
    """Return the known facts about `urls` and `images` by provider, as entries. A later entry has priority."""
    text = (files("cometrunway._wire") / "media.json").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] = json.loads(text)
    return found


def image_limits(provider: Provider, route: str, model: str) -> ImageLimits:
    """Return the limits of a model for images."""
    return ImageLimits(**_known(provider.name, "images", route, model))


@cache
def _known(provider: str, kind: str, route: str, model: str) -> Mapping[str, Any]:
    known: dict[str, Any] = {}
    for entry in known_media().get(provider, {}).get(kind, ()):
        if route in entry.get("routes", (route,)) and model in entry.get("models", (model,)):
            known |= {name: value for name, value in entry.items() if name not in _NOT_LIMITS}
    return known


def image_faults(file: LocalFile, limits: ImageLimits) -> Iterator[Fault]:
    """Yield the faults of a local image, except its size in bytes. Other files have no faults here."""
    if file.kind != "image":
        return
    if not file.type.is_taken:
        yield Fault(f"is {file.type.media_type}; {_TAKEN}", is_sure=True)
        return
    with file.opened() as content:
        header = image_header(content, file.type.media_type)
    if header is None:
        yield Fault(
            "has no size in its header: it is no image, or damaged; export it again", is_sure=True, is_curable=False
        )
    else:
        yield from limits.faults(header)


def data_url_faults(url: str, provider: Provider, route: str, model: str) -> Iterator[Fault]:
    """Yield the faults of an image in a data URI."""
    head, _, text = url.partition(",")
    if not head[5:].lower().startswith("image/"):
        return
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        yield Fault("is not base64", is_sure=True)
        return
    found = sniff(content[:BEGINNING])
    if found is None or not found.is_taken or found.kind != "image":
        yield Fault(f"contains no image that is accepted; {_TAKEN}", is_sure=True)
    elif not is_whole(io.BytesIO(content), found.media_type):
        yield Fault("ends too early: the image is cut off or damaged", is_sure=True)
    else:
        limits = image_limits(provider, route, model)
        yield from image_faults(LocalFile(content, found, len(content)), limits)


def url_faults(url: str, provider: Provider, route: str, model: str, api_host: str) -> Iterator[Fault]:
    """Yield the reasons why an API on the public internet may not be able to fetch a URL."""
    if scheme(url) not in {"http", "https"} or reach_of_host(api_host) is not None:
        return
    host = urlsplit(url).hostname or ""
    reach = reach_of_host(host)
    if reach is not None:
        is_sure = reach is Reach.THIS_MACHINE or provider.name in BUILT_IN
        yield Fault(
            f"is at {reach.value}, which {provider.name} cannot reach; host it elsewhere, or pass a file", is_sure
        )
        return
    known = _known(provider.name, "urls", route, model)
    if "https" in known and scheme(url) == "http":
        yield Fault(f"is not https, which {provider.name} asks for", known["https"] == "required")
    if "name" in known and literal_address(host) is not None:
        yield Fault(f"has an address for a host, and {provider.name} asks for a name", known["name"] == "required")
