"""The eight creation routes, and what each demands of a body, written from the API's documentation."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from attrs import frozen

from cometrunway.emulator._refusals import Refusal

Family = Literal["official", "compat"]
Rule = tuple[Callable[[Any], bool], str]

_URI = re.compile(r"(https?://|data:|runway://)\S", re.ASCII)
_TAG = re.compile(r"[A-Za-z]\w{2,15}", re.ASCII)
_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@frozen(kw_only=True)
class Route:
    """A creation route.

    Attributes:
        name: The last part of the path.
        family: `official` for `/runwayml/v1/*`, `compat` for `/runway/pro/*`.
        required: The fields without which a request is refused, in the order in which they are missed.
        action: The gateway's name for the work.
        media: What it makes.
    """

    name: str
    family: Family
    required: tuple[str, ...]
    action: str
    media: Literal["video", "image"] = "video"

    @property
    def path(self) -> str:
        """Where it is served."""
        return f"/runwayml/v1/{self.name}" if self.family == "official" else f"/runway/pro/{self.name}"

    def action_of(self, body: Mapping[str, Any]) -> str:
        """The action of one request: `generate` without an image is TEXT_TO_VIDEO."""
        return "TEXT_TO_VIDEO" if self.name == "generate" and not body.get("image") else self.action

    def refusal_of(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Refusal | None:
        """Why a request is refused, in the order of the gateway's own layers; None if it is accepted."""
        checks = (*self._missing(body), *self._version(headers), *self._malformed(body))
        return next(iter(checks), None)

    def _missing(self, body: Mapping[str, Any]) -> Iterator[Refusal]:
        for name in self.required:
            if body.get(name) in (None, "", [], {}):
                yield Refusal.missing(name)

    def _version(self, headers: Mapping[str, str]) -> Iterator[Refusal]:
        if self.family == "official" and not _VERSION.fullmatch(headers.get("x-runway-version", "")):
            yield Refusal.upstream("X-Runway-Version: the header is required, for example 2024-11-06")

    def _malformed(self, body: Mapping[str, Any]) -> Iterator[Refusal]:
        for name, value in body.items():
            if value is None:
                yield Refusal.upstream(f"{name}: null is no value, leave the field out")
            elif name in _RULES and not _RULES[name][0](value):
                yield Refusal.upstream(f"{name}: must be {_RULES[name][1]}")


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and _URI.match(value) is not None


def _is_text(value: object, longest: int = 1000) -> bool:
    return isinstance(value, str) and 0 < len(value.encode("utf-16-le", "surrogatepass")) // 2 <= longest


def _is_integer(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_media(value: object, *kinds: str) -> bool:
    return isinstance(value, dict) and value.get("type") in kinds and _is_uri(value.get("uri"))


def _is_reference_image(value: object) -> bool:
    tag = value.get("tag", "tag") if isinstance(value, dict) else None
    return isinstance(value, dict) and _is_uri(value.get("uri")) and _TAG.fullmatch(str(tag)) is not None


def _is_prompt_image(value: object) -> bool:
    if not isinstance(value, list):
        return _is_uri(value)
    frames = [item for item in value if isinstance(item, dict) and _is_uri(item.get("uri"))]
    return 0 < len(frames) == len(value) <= 2 and all(item.get("position") in {"first", "last"} for item in frames)


def _is_list(value: object, item: Callable[[object], bool], longest: int) -> bool:
    return isinstance(value, list) and 0 < len(value) <= longest and all(map(item, value))


def _are_options(value: object) -> bool:
    return isinstance(value, dict) and _is_integer(value.get("seconds", 5), 1, 60)


def _is_moderation(value: object) -> bool:
    return isinstance(value, dict) and value.get("publicFigureThreshold") in {"auto", "low"}


_URI_RULE: Rule = (_is_uri, "an http(s) URL or a data URI")
_FLAG: Rule = (lambda value: isinstance(value, bool), "true or false")
_RULES: Mapping[str, Rule] = {
    "model": (_is_text, "a string"),
    "ratio": (lambda value: isinstance(value, str) and re.fullmatch(r"\d+:\d+", value) is not None, "of the form W:H"),
    "duration": (lambda value: _is_integer(value, 1, 60), "a whole number of seconds"),
    "seed": (lambda value: _is_integer(value, 0, 4_294_967_295), "an integer from 0 to 4294967295"),
    "promptText": (_is_text, "1 to 1000 UTF-16 code units"),
    "promptImage": (_is_prompt_image, "a URL, a data URI or a list of first and last frame"),
    "referenceImages": (lambda value: _is_list(value, _is_reference_image, 3), "1 to 3 objects with uri and tag"),
    "references": (lambda value: _is_list(value, lambda item: _is_media(item, "image"), 1), "one image reference"),
    "character": (lambda value: _is_media(value, "image", "video"), "an image or a video with a uri"),
    "reference": (lambda value: _is_media(value, "video"), "a video with a uri"),
    "expressionIntensity": (lambda value: _is_integer(value, 1, 5), "an integer from 1 to 5"),
    "contentModeration": (_is_moderation, "an object with publicFigureThreshold auto or low"),
    "bodyControl": _FLAG,
    "watermark": _FLAG,
    "videoUri": _URI_RULE,
    "image": _URI_RULE,
    "last_image": _URI_RULE,
    "video": _URI_RULE,
    "callback_url": _URI_RULE,
    "prompt": (lambda value: isinstance(value, str), "a string"),
    "style": (lambda value: isinstance(value, str), "a string"),
    "options": (_are_options, "an object, its seconds a whole number"),
}

_ROUTES = (
    Route(name="image_to_video", family="official", required=("model", "promptImage"), action="IMAGE_TO_VIDEO"),
    Route(
        name="text_to_image",
        family="official",
        required=("model", "promptText", "ratio", "referenceImages"),
        action="TEXT_TO_IMAGE",
        media="image",
    ),
    Route(
        name="video_to_video",
        family="official",
        required=("model", "videoUri", "promptText", "ratio"),
        action="VIDEO_TO_VIDEO",
    ),
    Route(name="video_upscale", family="official", required=("model", "videoUri"), action="VIDEO_UPSCALE"),
    Route(
        name="character_performance",
        family="official",
        required=("model", "character", "reference"),
        action="CHARACTER_PERFORMANCE",
    ),
    Route(name="generate", family="compat", required=("model", "callback_url", "prompt"), action="IMAGE_TO_VIDEO"),
    Route(
        name="video2video",
        family="compat",
        required=("model", "callback_url", "video", "prompt", "options"),
        action="VIDEO_TO_VIDEO",
    ),
    Route(name="act_one", family="compat", required=("callback_url", "video", "image"), action="ACT_ONE"),
)

ROUTES: Mapping[str, Route] = {route.path: route for route in _ROUTES}
"""The creation routes by path."""

ROUTE_NAMES = tuple(route.name for route in _ROUTES)
