"""The routes of creates and the bodies that they accept, written from the API's documentation."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from attrs import frozen

from cometrunway.emulator import _official
from cometrunway.emulator._input_media import unusable_media
from cometrunway.emulator._refusals import Refusal, no_channel
from cometrunway.emulator._tasks import Media

Family = Literal["official", "compat", "runway"]
Rule = tuple[Callable[[Any], bool], str]

_URI = re.compile(r"(https?://|data:|runway://)\S", re.ASCII)
_TAG = re.compile(r"[A-Za-z]\w{2,15}", re.ASCII)
_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@frozen(kw_only=True)
class Route:
    """A creation route.

    Attributes:
        name: The last part of the path.
        family: `official` for `/runwayml/v1/*`, `compat` for `/runway/pro/*`, `runway` for Runway's own `/v1/*`.
        required: The fields that a request must have, in the order in which they are checked.
        action: The gateway's name for the work.
        media: The kind of files that it makes.
        models: The models that it has; empty if the documentation does not say.
        ratios: The ratios of these models.
        durations: The durations of these models, in seconds.
    """

    name: str
    family: Family
    required: tuple[str, ...]
    action: str
    media: Media = "video"
    models: tuple[str, ...] = ()
    ratios: tuple[str, ...] = ()
    durations: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """The path of the route."""
        prefix = {"official": "/runwayml/v1/", "compat": "/runway/pro/", "runway": _official.PREFIX}[self.family]
        return prefix + self.name

    def action_of(self, body: Mapping[str, Any]) -> str:
        """The action of one request: `generate` without an image is TEXT_TO_VIDEO."""
        return "TEXT_TO_VIDEO" if self.name == "generate" and not body.get("image") else self.action

    def refusal_of(self, headers: Mapping[str, str], body: Mapping[str, Any], *, any_model: bool) -> Refusal | None:
        """Return the refusal of a request, in the order of the gateway's layers; None if it is accepted."""
        if self.family == "runway":
            judged = () if any_model else _official.invalid(self.name, body)
            checks = (*self._version(headers), *judged, *_unusable(body, https_only=True))
        else:
            judged = () if any_model else self._unknown(body)
            malformed = (*self._malformed(body), *_unusable(body, https_only=False))
            checks = (*self._missing(body), *judged, *self._version(headers), *malformed)
        return next(iter(checks), None)

    def _unknown(self, body: Mapping[str, Any]) -> Iterator[Refusal]:
        if self.models and body.get("model") not in self.models:
            yield no_channel(str(body.get("model")))
        for name, known in (("ratio", self.ratios), ("duration", self.durations)):
            if known and body.get(name, known[0]) not in known:
                yield Refusal.upstream(f"{name}: expected one of {', '.join(map(str, known))}")

    def _missing(self, body: Mapping[str, Any]) -> Iterator[Refusal]:
        for name in self.required:
            if body.get(name) in (None, "", [], {}):
                yield Refusal.missing(name)

    def _version(self, headers: Mapping[str, str]) -> Iterator[Refusal]:
        if self.family != "compat" and not _VERSION.fullmatch(headers.get("x-runway-version", "")):
            yield Refusal.upstream("X-Runway-Version: the header is required, for example 2024-11-06")

    def _malformed(self, body: Mapping[str, Any]) -> Iterator[Refusal]:
        for name, value in body.items():
            if value is None:
                yield Refusal.upstream(f"{name}: null is no value, leave the field out")
            elif name in _RULES and not _RULES[name][0](value):
                yield Refusal.upstream(f"{name}: must be {_RULES[name][1]}")


def _unusable(body: Mapping[str, Any], *, https_only: bool) -> Iterator[Refusal]:
    for name, reason in unusable_media(body, https_only=https_only):
        yield Refusal.upstream(f"{name}: {reason}")


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

_RATIOS = ("1280:720", "720:1280", "1104:832", "960:960", "832:1104", "1584:672")
_IMAGE_RATIOS = (
    *("1920:1080", "1080:1920", "1024:1024", "1360:768", "1080:1080", "1168:880", "1440:1080", "1080:1440"),
    *("1808:768", "2112:912", "1280:720", "720:1280", "720:720", "960:720", "720:960", "1680:720"),
)
_GATEWAY_ROUTES = (
    Route(
        name="image_to_video",
        family="official",
        required=("model", "promptImage"),
        action="IMAGE_TO_VIDEO",
        models=("gen3a_turbo", "gen4_turbo"),
        ratios=(*_RATIOS, "1280:768", "768:1280"),
        durations=(5, 10),
    ),
    Route(
        name="text_to_image",
        family="official",
        required=("model", "promptText", "ratio", "referenceImages"),
        action="TEXT_TO_IMAGE",
        media="image",
        models=("gen4_image",),
        ratios=_IMAGE_RATIOS,
    ),
    Route(
        name="video_to_video",
        family="official",
        required=("model", "videoUri", "promptText", "ratio"),
        action="VIDEO_TO_VIDEO",
        models=("gen4_aleph",),
        ratios=(*_RATIOS, "848:480", "640:480"),
    ),
    Route(
        name="video_upscale",
        family="official",
        required=("model", "videoUri"),
        action="VIDEO_UPSCALE",
        models=("upscale_v1",),
    ),
    Route(
        name="character_performance",
        family="official",
        required=("model", "character", "reference"),
        action="CHARACTER_PERFORMANCE",
        models=("act_two",),
        ratios=_RATIOS,
    ),
    Route(
        name="generate",
        family="compat",
        required=("model", "callback_url", "prompt"),
        action="IMAGE_TO_VIDEO",
        models=("gen4", "gen4_turbo"),
        ratios=("1280:720", "720:1280", "960:960", "16:9", "9:16", "1:1", "4:3", "21:9"),
    ),
    Route(
        name="video2video",
        family="compat",
        required=("model", "callback_url", "video", "prompt", "options"),
        action="VIDEO_TO_VIDEO",
        models=("gen4",),
    ),
    Route(name="act_one", family="compat", required=("callback_url", "video", "image"), action="ACT_ONE"),
)

_RUNWAY_ROUTES = tuple(
    Route(name=name, family="runway", required=(), action=name.upper(), media=_official.media_of(name))
    for name in _official.ROUTES
)

ROUTES: Mapping[str, Route] = {route.path: route for route in (*_GATEWAY_ROUTES, *_RUNWAY_ROUTES)}
"""The creation routes by path."""

ROUTE_NAMES = tuple(dict.fromkeys(route.name for route in (*_GATEWAY_ROUTES, *_RUNWAY_ROUTES)))
