"""The base class of requests, and the eight requests of the routes that gateways have.

Fields have the wire's names in snake_case, and the limits of the API's documentation. If two pages of it state
different limits, the wider one holds, and the server decides. A wrong value raises a `ValueError` that names the class,
the field and the limit.

A local image or video is a `pathlib.Path` or `bytes`. It is checked when the request is made, and read when it is sent.
"""

from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import attrs
from attrs import Attribute, converters, field, frozen
from attrs.validators import optional

from cometrunway._media._inputs import Media
from cometrunway._media._urls import shown
from cometrunway._requests import _limits as limits
from cometrunway._requests import _parts as parts
from cometrunway._requests._making import explained
from cometrunway._requests._names import snake_case
from cometrunway._requests._parts import (
    ContentModeration,
    Fields,
    Keyframe,
    MediaReference,
    MotionVector,
    PromptImage,
    ReferenceImage,
)

_seed = optional(limits.whole(0, limits.SEED_LIMIT))
_seconds = limits.whole(1)
_PLAIN = frozenset({str, bool, int, float, type(None)})
"""Values of these types contain no file. Most fields have one of them."""
_moderation = optional(limits.of_class(ContentModeration))


MediaKind = Literal["image", "video", "audio", "any"]

_NOTHING: Fields = MappingProxyType({})


def _extra(request: "Request", attribute: "Attribute[Any]", value: object) -> None:
    limits.members(request, attribute, value)
    for name in request.extra:
        if snake_case(name) in _names(type(request)):
            raise ValueError(f"{limits.named(request, attribute)}: {name!r} is a field of the request; set that field")


@frozen(kw_only=True)
class Request:
    """The base class of all requests."""

    route: ClassVar[str]
    """The name of the route, such as `image_to_video`."""
    makes: ClassVar[MediaKind] = "video"
    """The kind of files that the task makes."""

    extra: Fields = field(default=_NOTHING, converter=parts.as_given, validator=_extra, hash=False)
    """Fields that the class does not have, spelled as in the API. They are sent unchanged."""

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # An assignment would declare the method anew, with a type that pyright does not know.
        setattr(cls, "__init__", explained(cls.__init__, cls))  # noqa: B010 - see above

    @cached_property
    def local_files(self) -> tuple[Path | bytes, ...]:
        """The local files in the request. They are read and encoded when it is sent."""
        values = [value for name in _names(type(self)) if type(value := getattr(self, name)) not in _PLAIN and value]
        return tuple([file for value in values for file in _local_files(value)])


@frozen(kw_only=True)
class ImageToVideo(Request):
    """Makes a video from an image: the route `image_to_video`."""

    route: ClassVar[str] = "image_to_video"

    prompt_image: Media | tuple[PromptImage, ...] = field(converter=parts.prompt_image, repr=shown)
    """The first image of the video; or a list of the first and the last one."""
    prompt_text: str | None = field(default=None, validator=optional(limits.prompt))
    """At most 1000 UTF-16 code units with most models."""
    model: str = field(default="gen3a_turbo", validator=limits.filled)
    duration: int | Literal["auto"] | None = field(
        default=5, converter=parts.integer, validator=optional(limits.seconds)
    )
    """Seconds; 5 or 10 with most models. With None the model chooses."""
    ratio: str | None = field(validator=optional(limits.ratio))
    """By default 1280:768 with gen3a_turbo, else 1280:720. With None the model chooses."""
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    watermark: bool | None = field(default=None, validator=optional(limits.flag))
    content_moderation: ContentModeration | None = field(
        default=None, converter=parts.content_moderation, validator=_moderation
    )
    audio: bool | None = field(default=None, validator=optional(limits.flag))
    """Whether the video has sound."""
    negative_prompt: str | None = field(default=None, validator=optional(limits.filled))
    resolution: str | None = field(default=None, validator=optional(limits.filled))
    references: tuple[ReferenceImage | PromptImage, ...] = field(
        default=(),
        converter=parts.image_references,
        validator=limits.several(ReferenceImage, PromptImage),
    )
    reference_audio: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_audio,
        validator=limits.several(MediaReference),
    )
    reference_videos: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_videos,
        validator=limits.several(MediaReference),
    )
    cfg_scale: float | None = field(default=None, converter=parts.real, validator=optional(limits.number()))
    draft: bool | None = field(default=None, validator=optional(limits.flag))
    output_format: str | None = field(default=None, validator=optional(limits.filled))
    prores_profile: str | None = field(default=None, validator=optional(limits.filled))
    prompt_expansion_mode: str | None = field(default=None, validator=optional(limits.filled))
    provider_settings: Fields | None = field(
        default=None, converter=parts.in_camel_case, validator=optional(limits.members), hash=False
    )
    """Such as `{"shot_type": "customize", "multi_prompt": [{"prompt": "...", "duration": 3}]}`."""

    @ratio.default
    def _ratio_of_the_model(self) -> str:
        return "1280:768" if self.model == "gen3a_turbo" else "1280:720"

    @prompt_image.validator
    def _one_image_per_position(self, attribute: "Attribute[Any]", value: Media | tuple[PromptImage, ...]) -> None:
        if not isinstance(value, tuple):
            limits.media("image")(self, attribute, value)
            return
        limits.several(PromptImage, least=1)(self, attribute, value)
        positions = [image.position for image in value if image.position]
        if len(set(positions)) < len(positions):
            raise ValueError(f"ImageToVideo.prompt_image: one image per position, got {value}")


@frozen(kw_only=True)
class TextToImage(Request):
    """Makes an image from a text and images: the route `text_to_image`."""

    route: ClassVar[str] = "text_to_image"
    makes: ClassVar[MediaKind] = "image"

    prompt_text: str = field(validator=limits.filled_prompt)
    """Not empty; at most 1000 UTF-16 code units with most models. It can mention references as `@tag`."""
    reference_images: tuple[ReferenceImage, ...] = field(
        default=(), converter=parts.reference_images, validator=limits.several(ReferenceImage)
    )
    """1 to 3 with gen4_image. CometAPI refuses a request without any."""
    model: str = field(default="gen4_image", validator=limits.filled)
    ratio: str | None = field(default="1280:720", validator=limits.optional_ratio)
    """None leaves it to the model."""
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    content_moderation: ContentModeration | None = field(
        default=None, converter=parts.content_moderation, validator=_moderation
    )
    output_count: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole(1)))
    """The number of images to make."""
    output_format: str | None = field(default=None, validator=optional(limits.filled))
    quality: str | None = field(default=None, validator=optional(limits.filled))
    background: str | None = field(default=None, validator=optional(limits.filled))
    background_color: str | None = field(default=None, validator=optional(limits.filled))
    colors: tuple[str, ...] = field(default=(), converter=parts.texts, validator=limits.several(str))
    grounding: bool | None = field(default=None, validator=optional(limits.flag))
    edit: bool | None = field(default=None, validator=optional(limits.flag))
    mask_uri: Media | None = field(
        default=None, converter=converters.optional(parts.medium), validator=optional(limits.media("image")), repr=shown
    )
    precise_edit: bool | None = field(default=None, validator=optional(limits.flag))
    thinking_level: str | None = field(default=None, validator=optional(limits.filled))


@frozen(kw_only=True)
class VideoToVideo(Request):
    """Makes a video from a video: the route `video_to_video`. Some models take `video_uri`, others `prompt_video`."""

    route: ClassVar[str] = "video_to_video"

    video_uri: Media | None = field(
        default=None, converter=converters.optional(parts.medium), validator=optional(limits.media("video")), repr=shown
    )
    prompt_text: str | None = field(default=None, validator=optional(limits.filled_prompt))
    """Not empty; at most 1000 UTF-16 code units with most models. gen4_aleph needs it."""
    model: str = field(default="gen4_aleph", validator=limits.filled)
    ratio: str | None = field(default="1280:720", validator=limits.optional_ratio)
    """None leaves it to the model."""
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    references: tuple[MediaReference | ReferenceImage | PromptImage, ...] = field(
        default=(),
        converter=parts.references,
        validator=limits.several(MediaReference, ReferenceImage, PromptImage),
    )
    """gen4_aleph takes `MediaReference`s, other models `ReferenceImage`s or `PromptImage`s. A URL or a file without one
    of these classes becomes a `MediaReference`."""
    content_moderation: ContentModeration | None = field(
        default=None, converter=parts.content_moderation, validator=_moderation
    )
    prompt_video: Media | None = field(
        default=None, converter=converters.optional(parts.medium), validator=optional(limits.media("video")), repr=shown
    )
    duration: int | Literal["auto"] | None = field(
        default=None, converter=parts.integer, validator=optional(limits.seconds)
    )
    """Seconds."""
    audio: bool | None = field(default=None, validator=optional(limits.flag))
    """Whether the video has sound."""
    keyframes: tuple[Keyframe, ...] = field(default=(), converter=parts.keyframes, validator=limits.several(Keyframe))
    target_aspect_ratio: str | None = field(default=None, validator=optional(limits.ratio))
    resolution: str | None = field(default=None, validator=optional(limits.filled))
    reference_audio: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_audio,
        validator=limits.several(MediaReference),
    )
    reference_videos: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_videos,
        validator=limits.several(MediaReference),
    )
    mode: str | None = field(default=None, validator=optional(limits.filled))
    """Such as `extend` or `edit`."""
    draft: bool | None = field(default=None, validator=optional(limits.flag))
    output_format: str | None = field(default=None, validator=optional(limits.filled))
    prores_profile: str | None = field(default=None, validator=optional(limits.filled))
    provider_settings: Fields | None = field(
        default=None, converter=parts.in_camel_case, validator=optional(limits.members), hash=False
    )

    def __attrs_post_init__(self) -> None:
        if (self.video_uri is None) == (self.prompt_video is None):
            raise ValueError("VideoToVideo.video_uri: required, or prompt_video with models that take that; not both")
        if self.prompt_text is None and self.model == "gen4_aleph":
            raise ValueError("VideoToVideo.prompt_text: required")


@frozen(kw_only=True)
class VideoUpscale(Request):
    """Enlarges a video: the route `video_upscale`. upscale_v1 makes it four times as wide, up to 4096 pixels."""

    route: ClassVar[str] = "video_upscale"

    video_uri: Media = field(converter=parts.medium, validator=limits.media("video"), repr=shown)
    model: str = field(default="upscale_v1", validator=limits.filled)
    resolution: str | None = field(default=None, validator=optional(limits.filled))
    """Such as `2k` or `4k`."""
    flavor: str | None = field(default=None, validator=optional(limits.filled))
    creativity: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole()))
    sharpen: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole()))
    smart_grain: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole()))
    fps_boost: bool | None = field(default=None, validator=optional(limits.flag))
    target_framerate: str | None = field(default=None, validator=optional(limits.filled))
    """Frames per second, such as `60` or `23_98`."""


@frozen(kw_only=True)
class CharacterPerformance(Request):
    """Makes a character perform as in a video: the route `character_performance`."""

    route: ClassVar[str] = "character_performance"

    character: MediaReference = field(converter=parts.character, validator=limits.of_class(MediaReference))
    """The character: an image or a video."""
    reference: MediaReference = field(converter=parts.performance)
    """The performance: a video of 3 to 30 seconds."""
    model: str = field(default="act_two", validator=limits.filled)
    ratio: str | None = field(default="1280:720", validator=limits.optional_ratio)
    """None leaves it to the model."""
    body_control: bool | None = field(default=None, validator=optional(limits.flag))
    expression_intensity: int | None = field(
        default=None, converter=parts.integer, validator=optional(limits.whole(1, 5))
    )
    """From 1 to 5."""
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    content_moderation: ContentModeration | None = field(
        default=None, converter=parts.content_moderation, validator=_moderation
    )

    @reference.validator
    def _performance_is_a_video(self, attribute: "Attribute[Any]", value: MediaReference) -> None:
        limits.of_class(MediaReference)(self, attribute, value)
        if value.type != "video":
            raise ValueError(f"CharacterPerformance.reference: must be a video, got {value}")


@frozen(kw_only=True)
class ProGenerate(Request):
    """Makes a video from a text, or an image and a text: `POST /runway/pro/generate` (compatibility format)."""

    route: ClassVar[str] = "pro_generate"

    prompt: str = field(validator=limits.filled_prompt)
    """Not empty, at most 1000 UTF-16 code units."""
    callback_url: str | None = field(default=None, validator=optional(limits.callback), repr=shown)
    """Where the gateway posts the result, unsigned; None leaves it to the session."""
    image: Media | None = field(
        default=None, converter=converters.optional(parts.medium), validator=optional(limits.media("image")), repr=shown
    )
    """The first image of the video. Without it, the video is made from the text alone."""
    last_image: Media | None = field(
        default=None, converter=converters.optional(parts.medium), validator=optional(limits.media("image")), repr=shown
    )
    """The last image of the video; only together with `image`."""
    model: str = field(default="gen4", validator=limits.filled)
    ratio: str = field(default="1280:720", validator=limits.ratio)
    style: str | None = field(default=None, validator=optional(limits.filled))
    """Such as `cinematic`."""
    seconds: int | None = field(converter=parts.integer, validator=optional(_seconds))
    """By default 5 without an image, and the server's default with one."""
    motion_vector: MotionVector | None = field(
        default=None, converter=parts.motion_vector, validator=optional(limits.of_class(MotionVector))
    )
    flip: bool | None = field(default=None, validator=optional(limits.flag))
    image_as_end_frame: bool | None = field(default=None, validator=optional(limits.flag))
    """Only together with `image`."""

    @seconds.default
    def _seconds_of_the_mode(self) -> int | None:
        return 5 if self.image is None else None

    def __attrs_post_init__(self) -> None:
        if self.image is None:
            for name in ("last_image", "image_as_end_frame"):
                if getattr(self, name) is not None:
                    raise ValueError(f"ProGenerate.{name}: needs an image too, got {shown(getattr(self, name))}")
            if self.seconds is None:
                raise ValueError("ProGenerate.seconds: required without an image, got None")


@frozen(kw_only=True)
class ProVideoToVideo(Request):
    """Changes the style of a video: `POST /runway/pro/video2video` (compatibility format)."""

    route: ClassVar[str] = "pro_video2video"

    video: Media = field(converter=parts.medium, validator=limits.media("video"), repr=shown)
    """At most 10 seconds, 16:9. The server checks this."""
    prompt: str = field(validator=limits.filled_prompt)
    """Not empty, at most 1000 UTF-16 code units."""
    callback_url: str | None = field(default=None, validator=optional(limits.callback), repr=shown)
    """Where the gateway posts the result, unsigned; None leaves it to the session."""
    model: str = field(default="gen4", validator=limits.filled)
    seconds: int = field(default=5, converter=parts.integer, validator=_seconds)
    structure_transformation: float | None = field(
        default=None, converter=parts.real, validator=optional(limits.number(0, 1))
    )
    """From 0 to 1. 0.5 is a moderate value."""
    flip: bool | None = field(default=None, validator=optional(limits.flag))


@frozen(kw_only=True)
class ProActOne(Request):
    """Gives a face the expressions of a video: `POST /runway/pro/act_one` (compatibility format)."""

    route: ClassVar[str] = "pro_act_one"

    video: Media = field(converter=parts.medium, validator=limits.media("video"), repr=shown)
    """The performance, 16:9."""
    image: Media = field(converter=parts.medium, validator=limits.media("image"), repr=shown)
    """The face, 16:9."""
    callback_url: str | None = field(default=None, validator=optional(limits.callback), repr=shown)
    """Where the gateway posts the result, unsigned; None leaves it to the session."""
    motion_multiplier: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole()))
    flip: bool | None = field(default=None, validator=optional(limits.flag))


def _local_files(value: object) -> Iterator[Path | bytes]:
    cls = type(value)
    if isinstance(value, Path | bytes):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _local_files(item)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _local_files(member)
    elif attrs.has(cls):
        for name in _names(cls):
            yield from _local_files(getattr(value, name))


def media_urls(value: object) -> Iterator[str]:
    """Yield the media of a request that are given by a URL, or as a data URI; of a `RawRequest` they are not known."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from media_urls(item)
    elif attrs.has(cls := type(value)):
        for name in _media_names(cls):
            yield from media_urls(getattr(value, name))


@cache
def _media_names(cls: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    """Return the fields that take media, or values with such fields."""
    return tuple(attribute.name for attribute in attrs.fields(cls) if _takes_media(attribute.type))


def _takes_media(annotation: object) -> bool:
    if isinstance(annotation, type) and attrs.has(annotation):
        return bool(_media_names(annotation))
    return annotation is bytes or any(map(_takes_media, get_args(annotation)))


def _names(cls: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(attribute.name for attribute in attrs.fields(cls))
    return names


_NAMES: dict[type[attrs.AttrsInstance], tuple[str, ...]] = {}
