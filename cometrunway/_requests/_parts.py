"""What requests are made of: the small values inside them, and the shorter forms that stand for these."""

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypeVar

from attrs import NOTHING, Attribute, AttrsInstance, Factory, field, fields, frozen
from attrs.validators import optional

from cometrunway._media._inputs import Media, check, plain
from cometrunway._media._kinds import Kind
from cometrunway._media._urls import scheme, shown
from cometrunway._paths import expanded
from cometrunway._requests import _limits as limits

_T = TypeVar("_T", bound=AttrsInstance)
Fields = Mapping[str, Any]
"""The fields of a value by name, in snake_case or in the wire's camelCase, as JSON has them."""


@frozen(kw_only=True)
class ContentModeration:
    """How strict the moderation is; `low` lets more recognisable public figures pass."""

    public_figure_threshold: Literal["auto", "low"] = field(validator=limits.one_of("auto", "low"))


def medium(value: object) -> Any:
    """Take a URL of any library, a path with `~` expanded, or a buffer."""
    value = plain(value)
    return expanded(value) if isinstance(value, Path) else value


def integer(value: object) -> Any:
    """Take a whole number of any library, such as numpy's; true, 5.0 and what is no number are left as they are."""
    if isinstance(value, bool | int) or not hasattr(type(value), "__index__"):
        return value
    try:
        return operator.index(value)  # type: ignore[arg-type]  # it has the method
    except TypeError:
        return value


def real(value: object) -> Any:
    """Take a number of any library; what is none is left as it is."""
    return float(value) if isinstance(value, Real) and not isinstance(value, int | float) else value


@frozen
class PromptImage:
    """An image that a video begins or ends with."""

    uri: Media = field(converter=medium, validator=limits.media("image"), repr=shown)
    position: Literal["first", "last"] = field(default="first", validator=limits.one_of("first", "last"), kw_only=True)


@frozen
class ReferenceImage:
    """An image to draw from; with a tag, the prompt can mention it as `@tag`."""

    uri: Media = field(converter=medium, validator=limits.media("image"), repr=shown)
    tag: str | None = field(default=None, validator=optional(limits.tag), kw_only=True)
    """3 to 16 letters, digits and `_`, a letter first."""


def _kind_of_the_file(reference: "MediaReference") -> Kind:
    kind = check(reference.uri, field="MediaReference.uri", kinds=("image", "video"))
    if kind is None:
        raise ValueError(
            f'MediaReference.type: must be "image" or "video", a URL does not tell: {shown(reference.uri)}'
        )
    return kind


def _kind_is_that_of_the_file(reference: "MediaReference", attribute: "Attribute[Any]", value: Kind) -> None:
    limits.one_of("image", "video")(reference, attribute, value)
    check(reference.uri, field="MediaReference.uri", kinds=(value,))


@frozen
class MediaReference:
    """An image or a video, and which of them it is: a file shows that, a URL does not."""

    uri: Media = field(converter=medium, repr=shown)
    type: Kind = field(
        default=Factory(_kind_of_the_file, takes_self=True), validator=_kind_is_that_of_the_file, kw_only=True
    )


@frozen(kw_only=True)
class MotionVector:
    """How the camera moves; 0 is at rest."""

    x: float = field(default=0, converter=real, validator=limits.number())
    y: float = field(default=0, converter=real, validator=limits.number())
    z: float = field(default=0, converter=real, validator=limits.number())
    r: float = field(default=0, converter=real, validator=limits.number())
    bg_x_pan: float = field(default=0, converter=real, validator=limits.number())
    bg_y_pan: float = field(default=0, converter=real, validator=limits.number())


def from_fields(cls: type[_T], given: Fields) -> _T:
    """Make a value of ours from its fields.

    Raises:
        ValueError: a field is unknown (the nearest known one is suggested), missing, wrong, or given in two spellings.
    """
    known = {attribute.name: attribute.default is NOTHING for attribute in fields(cls)}
    values: dict[str, Any] = {}
    for spelling, value in given.items():
        name = snake_case(str(spelling))
        if name not in known:
            raise ValueError(f"{cls.__name__}: unknown field {shown(spelling)}; {nearest(name, known)}")
        if name in values:
            raise ValueError(f"{cls.__name__}.{name}: given twice, in two spellings")
        values[name] = value
    for name, is_required in known.items():
        if is_required and name not in values:
            raise ValueError(f"{cls.__name__}.{name}: required")
    return cls(**values)


def snake_case(name: str) -> str:
    """Return the snake_case of a name in either spelling."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda capital: "_" + capital[0].lower(), name)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which of the known names may have been meant."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def content_moderation(value: ContentModeration | Fields | None) -> Any:
    """Take the value or its fields."""
    return from_fields(ContentModeration, value) if isinstance(value, Mapping) else value


def motion_vector(value: MotionVector | Fields | None) -> Any:
    """Take the value or its fields."""
    return from_fields(MotionVector, value) if isinstance(value, Mapping) else value


def prompt_image(value: Media | PromptImage | Fields | Sequence[Media | PromptImage | Fields]) -> Any:
    """Take one image as it is, and several as those to begin and to end with."""
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
    """Take each image as a value, as its fields, or bare."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        _built(ReferenceImage, item, f"TextToImage.reference_images[{number}]") for number, item in enumerate(value)
    )


def references(value: Sequence[Media | MediaReference | Fields]) -> Any:
    """Take each reference as a value, as its fields, or bare; a bare URL is that of an image, as in all samples."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(
        _reference(item, f"VideoToVideo.references[{number}]", url_is="image") for number, item in enumerate(value)
    )


def character(value: Media | MediaReference | Fields) -> Any:
    """Take the value, its fields, or the bare file, whose bytes show whether it is an image or a video."""
    return _reference(value, "CharacterPerformance.character")


def performance(value: Media | MediaReference | Fields) -> Any:
    """Take the value, its fields, or the bare video."""
    return _reference(value, "CharacterPerformance.reference", url_is="video")


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
