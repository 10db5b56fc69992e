"""The small values inside requests, and the converters of shorter forms to these values."""

import operator
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeVar

from attrs import NOTHING, Attribute, AttrsInstance, Factory, field, fields, frozen
from attrs.converters import optional as optional_converter
from attrs.validators import optional

from cometrunway._keywords import hints_keywords
from cometrunway._media._inputs import Media, check, plain
from cometrunway._media._kinds import Kind
from cometrunway._media._urls import scheme, shown
from cometrunway._paths import expanded
from cometrunway._requests import _limits as limits
from cometrunway._requests._names import camel_case, own_first, snake_case, unknown

_T = TypeVar("_T", bound=AttrsInstance)
_TOLD = 10
"""The largest number of unknown and missing fields that an error names."""
Fields = Mapping[str, Any]
"""The fields of a value by name, in snake_case or in the wire's camelCase, as JSON has them."""


@hints_keywords
@frozen(kw_only=True)
class ContentModeration:
    """How strict the moderation is. `low` permits more images of known public figures."""

    public_figure_threshold: Literal["auto", "low"] = field(validator=limits.one_of("auto", "low"))


def medium(value: object) -> Any:
    """Take a URL of any library, a path with `~` expanded, or a buffer."""
    value = plain(value)
    return expanded(value) if isinstance(value, Path) else value


def integer(value: object) -> Any:
    """Convert a whole number of any library, such as numpy's. Return True, 5.0 and what is no number unchanged."""
    if isinstance(value, bool | int) or not hasattr(type(value), "__index__"):
        return value
    try:
        return operator.index(value)  # type: ignore[arg-type]  # it has the method
    except TypeError:
        return value


def real(value: object) -> Any:
    """Convert a number of any library. Return what is no number unchanged."""
    return float(value) if isinstance(value, Real) and not isinstance(value, int | float) else value


@hints_keywords
@frozen
class PromptImage:
    """The first or last image of a video."""

    uri: Media = field(converter=medium, validator=limits.media("image"), repr=shown)
    position: Literal["first", "last"] | None = field(
        default="first", validator=optional(limits.one_of("first", "last")), kw_only=True
    )
    """With None the model chooses."""


@hints_keywords
@frozen
class ReferenceImage:
    """An image as a reference. If it has a tag, the prompt can mention it as `@tag`."""

    uri: Media = field(converter=medium, validator=limits.media("image"), repr=shown)
    tag: str | None = field(default=None, validator=optional(limits.tag), kw_only=True)
    """3 to 16 letters, digits and `_`; the first is a letter."""
    subject: Literal["object", "human"] | None = field(
        default=None, validator=optional(limits.one_of("object", "human")), kw_only=True
    )
    """What the image shows; for models that treat both differently."""


_KINDS: tuple[Kind, ...] = ("image", "video", "audio")


def _kind_of_the_file(reference: "MediaReference") -> Kind:
    kind = check(reference.uri, field="MediaReference.uri", kinds=_KINDS)
    if kind is None:
        raise ValueError(
            f'MediaReference.type: must be "image", "video" or "audio", a URL shows no type: {shown(reference.uri)}'
        )
    return kind


def _kind_is_that_of_the_file(reference: "MediaReference", attribute: "Attribute[Any]", value: Kind | None) -> None:
    if value is not None:
        limits.one_of(*_KINDS)(reference, attribute, value)
    check(reference.uri, field="MediaReference.uri", kinds=_KINDS if value is None else (value,))


@hints_keywords
@frozen
class MediaReference:
    """An image, a video or a sound, with its type. A local file shows its type; a URL needs it."""

    uri: Media = field(converter=medium, repr=shown)
    type: Kind | None = field(
        default=Factory(_kind_of_the_file, takes_self=True), validator=_kind_is_that_of_the_file, kw_only=True
    )
    """With None no type is sent; few models accept that."""


@hints_keywords
@frozen(kw_only=True)
class MotionVector:
    """How the camera moves; 0 means no movement."""

    x: float = field(default=0, converter=real, validator=limits.number())
    y: float = field(default=0, converter=real, validator=limits.number())
    z: float = field(default=0, converter=real, validator=limits.number())
    r: float = field(default=0, converter=real, validator=limits.number())
    bg_x_pan: float = field(default=0, converter=real, validator=limits.number())
    bg_y_pan: float = field(default=0, converter=real, validator=limits.number())


@hints_keywords
@frozen
class Keyframe:
    """An image for one moment of a video. Give the moment as `seconds` or as `at`."""

    uri: Media = field(converter=medium, validator=limits.media("image"), repr=shown)
    seconds: float | None = field(default=None, converter=real, validator=optional(limits.number(0)), kw_only=True)
    """Seconds from the beginning."""
    at: float | None = field(default=None, converter=real, validator=optional(limits.number(0, 1)), kw_only=True)
    """The position as a fraction of the video, from 0 to 1."""
    range: Fields | None = field(
        default=None, converter=optional_converter(dict), validator=optional(limits.members), kw_only=True, hash=False
    )
    """The part that is edited: `{"start_seconds": 2, "end_seconds": 4}`."""

    def __attrs_post_init__(self) -> None:
        if (self.seconds is None) == (self.at is None):
            raise ValueError("Keyframe: give its moment either as seconds or as at")


@hints_keywords
@frozen(kw_only=True)
class Voice:
    """A voice: one of Runway's by name, one of your own by id, or the voice of a recording."""

    type: str = field(validator=limits.filled)
    """`runway-preset`, `preset`, `custom` or `reference-audio`; it depends on the route."""
    preset_id: str | None = field(default=None, validator=optional(limits.filled))
    """Such as `Maya`."""
    id: str | None = field(default=None, validator=optional(limits.filled))
    audio_uri: Media | None = field(
        default=None, converter=optional_converter(medium), validator=optional(limits.media("audio")), repr=shown
    )


def voice(value: "Voice | Fields | str | Path | bytes | None") -> Any:
    """Take the value, its fields, the name of one of Runway's voices, or a recording."""
    value = plain(value)
    if isinstance(value, str):
        return Voice(type="runway-preset", preset_id=value)
    if isinstance(value, Path | bytes):
        return Voice(type="reference-audio", audio_uri=value)
    return from_fields(Voice, value) if isinstance(value, Mapping) else value


@hints_keywords
@frozen(kw_only=True)
class Speech:
    """The speech of an avatar: a recording, or a text and a voice."""

    type: str = field(validator=limits.filled)
    """`audio` or `text`."""
    audio: Media | None = field(
        default=None, converter=optional_converter(medium), validator=optional(limits.media("audio")), repr=shown
    )
    text: str | None = field(default=None, validator=optional(limits.filled))
    voice: Voice | None = field(default=None, converter=voice, validator=optional(limits.of_class(Voice)))


@hints_keywords
@frozen(kw_only=True)
class Avatar:
    """An avatar: one of Runway's, or one of your own."""

    type: str = field(validator=limits.filled)
    """`runway-preset` or `custom`."""
    preset_id: str | None = field(default=None, validator=optional(limits.filled))
    """Such as `cooking-teacher`."""
    avatar_id: str | None = field(default=None, validator=optional(limits.filled))


def from_fields(cls: type[_T], given: Fields) -> _T:
    """Make a value of ours from its fields.

    Raises:
        ValueError: fields are unknown (the nearest known one is suggested), missing, wrong, or given in two spellings.
            The message has a line for each of them.
    """
    known = {attribute.name: attribute.default is NOTHING for attribute in own_first(cls)}
    values: dict[str, Any] = {}
    faults = [f"{cls.__name__}: unknown field {told}" for told in unknown(given, known)]
    for spelling, value in given.items():
        name = snake_case(str(spelling))
        if name in values:
            faults.append(f"{cls.__name__}.{name}: given twice, in two spellings")
        values[name] = value
    missing = (name for name, is_required in known.items() if is_required and name not in values)
    faults += [f"{cls.__name__}.{name}: required" for name in missing]
    if faults:
        raise ValueError("\n".join(faults[:_TOLD]))
    return cls(**values)


def content_moderation(value: ContentModeration | Fields | None) -> Any:
    """Take the value or its fields."""
    return from_fields(ContentModeration, value) if isinstance(value, Mapping) else value


def motion_vector(value: MotionVector | Fields | None) -> Any:
    """Take the value or its fields."""
    return from_fields(MotionVector, value) if isinstance(value, Mapping) else value


def prompt_image(value: Media | PromptImage | Fields | Sequence[Media | PromptImage | Fields]) -> Any:
    """Take one image unchanged, or a list: its first item is the first image, the others are last images."""
    value = medium(value)
    if isinstance(value, PromptImage | Mapping):
        value = (value,)
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        _built(PromptImage, item, f"ImageToVideo.prompt_image[{number}]", position="last" if number else "first")
        for number, item in enumerate(value)
    )


def reference_images(value: Sequence[Media | ReferenceImage | Fields]) -> Any:
    """Take each image as a value, as its fields, or alone."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        _built(ReferenceImage, item, f"TextToImage.reference_images[{number}]") for number, item in enumerate(value)
    )


def references(value: Sequence[Media | MediaReference | Fields]) -> Any:
    """Take each reference as a value, as its fields, or alone. A URL alone is an image's, as in the API's samples."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        item
        if isinstance(item, ReferenceImage | PromptImage)
        else _reference(item, f"VideoToVideo.references[{number}]", url_is="image")
        for number, item in enumerate(value)
    )


def character(value: Media | MediaReference | Fields) -> Any:
    """Take the value, its fields, or a file, whose bytes show whether it is an image or a video."""
    return _reference(value, "CharacterPerformance.character")


def performance(value: Media | MediaReference | Fields) -> Any:
    """Take the value, its fields, or a video alone."""
    return _reference(value, "CharacterPerformance.reference", url_is="video")


def avatar(value: Avatar | Fields | str) -> Any:
    """Take the value, its fields, or the name of one of Runway's avatars."""
    if isinstance(value, str):
        return Avatar(type="runway-preset", preset_id=value)
    return from_fields(Avatar, value) if isinstance(value, Mapping) else value


def speech(value: Speech | Fields | str | Path | bytes) -> Any:
    """Take the value, its fields, a text, or a recording."""
    value = plain(value)
    if isinstance(value, str):
        return Speech(type="text", text=value)
    if isinstance(value, Path | bytes):
        return Speech(type="audio", audio=value)
    return from_fields(Speech, value) if isinstance(value, Mapping) else value


def image_references(value: Any) -> Any:
    """Take each item as a `ReferenceImage` or a `PromptImage`, as its fields, or as an image alone."""
    return _items(value, "references", (ReferenceImage, PromptImage))


def reference_audio(value: Any) -> Any:
    """Take each sound as a value, as its fields, or alone."""
    return _items(value, "reference_audio", (MediaReference,), type="audio")


def reference_videos(value: Any) -> Any:
    """Take each video as a value, as its fields, or alone."""
    return _items(value, "reference_videos", (MediaReference,), type="video")


def keyframes(value: Any) -> Any:
    """Take each keyframe as a value, or as its fields."""
    return _items(value, "keyframes", (Keyframe,))


def recording(value: Any) -> Any:
    """Take the value, its fields, or a file, whose bytes show whether it is a sound or a video."""
    return _reference(value, "SpeechToSpeech.media")


def _items(value: Any, where: str, classes: Sequence[type[AttrsInstance]], **defaults: str) -> Any:
    """Convert each item of a list: media to the first class, fields to the first class that has them all."""
    value = medium(value)
    if isinstance(value, str | Path | bytes | Mapping):
        value = (value,)
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        _built(_class_of(item, classes), item, f"{where}[{number}]", **defaults) for number, item in enumerate(value)
    )


def _class_of(item: object, classes: Sequence[type[AttrsInstance]]) -> type[AttrsInstance]:
    names = {snake_case(str(name)) for name in item} if isinstance(item, Mapping) else set()
    fitting = (cls for cls in classes if names <= {attribute.name for attribute in fields(cls)})
    return next(fitting, classes[0])


def in_camel_case(value: Any) -> Any:
    """Convert the names in a mapping to camelCase at each level. Return what is no mapping or list unchanged."""
    if isinstance(value, Mapping):
        return {camel_case(str(name)): in_camel_case(member) for name, member in value.items()}
    return [in_camel_case(item) for item in value] if isinstance(value, list | tuple) else value


def texts(value: object) -> Any:
    """Take several texts, or one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def media(value: object) -> Any:
    """Take several media, or one."""
    value = medium(value)
    if isinstance(value, str | Path | bytes):
        return (value,)
    return tuple(map(medium, value)) if isinstance(value, list | tuple) else value


def as_given(value: object) -> Any:
    """Copy a mapping, with its names unchanged."""
    return dict(value) if isinstance(value, Mapping) else value


def _reference(value: object, where: str, *, url_is: Kind | None = None) -> Any:
    uri = plain(value.get("uri") if isinstance(value, Mapping) else value)
    if url_is and isinstance(uri, str) and scheme(uri) != "data":
        return _built(MediaReference, value, where, type=url_is)
    return _built(MediaReference, value, where)


def _built(cls: type[AttrsInstance], value: object, where: str, **defaults: str) -> Any:
    value = plain(value)
    if isinstance(value, str | Path | bytes):
        value = {"uri": value}
    if not isinstance(value, Mapping):
        return value
    try:
        return from_fields(cls, {**defaults, **value})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
