"""The validators of fields. Their `ValueError` names the class, the field, the limit and the value."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Attribute

from cometrunway._media._inputs import check
from cometrunway._media._kinds import Kind
from cometrunway._media._urls import check_web_url, shown

Validator = Callable[[Any, "Attribute[Any]", Any], None]

PROMPT_LIMITS: Mapping[str, int] = {
    **dict.fromkeys(
        ("gen3a_turbo", "gen4", "gen4_turbo", "gen4.5", "gen4_aleph", "gen4_image", "gen4_image_turbo"), 1000
    ),
    **dict.fromkeys(("veo3", "veo3.1", "veo3.1_fast", "eleven_multilingual_v2"), 1000),
    "happyhorse_1_0": 2500,
    **dict.fromkeys(("seedance2", "seedance2_fast", "seedance2_mini"), 3500),
    "seedance2_5": 15_000,
    **dict.fromkeys(("seedream5_pro", "seedream5_lite"), 4000),
    "gpt_image_2": 32_000,
}
"""UTF-16 code units of a prompt, of which most emoji take two, by model; of any other model it is not known.

Source: Runway's Python SDK 5.24; for the gateways' models CometAPI's pages, of which that on image-to-video says 512.
"""

SEED_LIMIT = 4_294_967_295
"""The largest seed. CometAPI's page on image-to-video says 999999999, but its own example is larger."""


def named(instance: object, attribute: "Attribute[Any]") -> str:
    """Return the field's name with its class, such as `ImageToVideo.seed`."""
    return f"{type(instance).__name__}.{attribute.name}"


def text(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A string that can be encoded as UTF-8."""
    if not isinstance(value, str):
        _refuse(instance, attribute, "must be a string", value)
    elif re.search("[\ud800-\udfff]", value):
        _refuse(instance, attribute, "must not hold one half of a surrogate pair", value)


def filled(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A string with more than white space."""
    text(instance, attribute, value)
    if not str(value).strip():
        _refuse(instance, attribute, "must not be empty", value)


def prompt(instance: object, attribute: "Attribute[Any]", value: str) -> None:
    """A string of at most as many UTF-16 code units as the model takes."""
    text(instance, attribute, value)
    limit = PROMPT_LIMITS.get(getattr(instance, "model", ""))
    units = len(value.encode("utf-16-le")) // 2
    if limit is not None and units > limit:
        _refuse(instance, attribute, f"at most {limit} UTF-16 units", units)


def filled_prompt(instance: object, attribute: "Attribute[Any]", value: str) -> None:
    """A prompt with more than white space."""
    filled(instance, attribute, value)
    prompt(instance, attribute, value)


def ratio(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """Two numbers with a colon, or a word such as `auto`. The server checks whether the model has this ratio."""
    if not (isinstance(value, str) and re.fullmatch(r"[0-9]+:[0-9]+|[a-z][a-z0-9_]*", value)):
        _refuse(instance, attribute, 'must be WIDTH:HEIGHT, such as "1280:720", or a word such as "auto"', value)


def optional_ratio(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A ratio, or None."""
    if value is not None:
        ratio(instance, attribute, value)


def seconds(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A whole number of seconds, or `auto`."""
    if value != "auto":
        whole(1)(instance, attribute, value)


def members(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A mapping of names to JSON values or local files."""
    if not (isinstance(value, Mapping) and all(isinstance(name, str) for name in value)):
        _refuse(instance, attribute, "must be a mapping from names to values", value)


def tag(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A name that a prompt can mention as `@tag`."""
    if not (isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{2,15}", value)):
        _refuse(instance, attribute, "must be 3 to 16 letters, digits and _, a letter first", value)


def flag(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """True or false; 1 and "true" are refused."""
    if not isinstance(value, bool):
        _refuse(instance, attribute, "must be true or false", value)


def callback(instance: object, attribute: "Attribute[Any]", value: object) -> None:
    """A web address that the gateway can post to."""
    if not isinstance(value, str):
        _refuse(instance, attribute, "must be an http:// or https:// URL", value)
    else:
        check_web_url(value, field=named(instance, attribute))


def whole(least: int | None = None, most: int | None = None) -> Validator:
    """Return the validator of a whole number within these bounds, both included; true and 5.0 are refused."""
    limit = _described("a whole number", least, most)

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not _within(value, least, most):
            _refuse(instance, attribute, limit, value)

    return validate


def number(least: float | None = None, most: float | None = None) -> Validator:
    """Return the validator of a finite number within these bounds, both included."""
    limit = _described("a finite number", least, most)

    def validate(instance: object, attribute: "Attribute[Any]", value: Any) -> None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and abs(value) <= sys.float_info.max and _within(value, least, most)):
            _refuse(instance, attribute, limit, value)

    return validate


def media(*kinds: Kind) -> Validator:
    """Return the validator of a URL, data URI, local file or bytes of one of these kinds."""

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        check(value, field=named(instance, attribute), kinds=kinds)

    return validate


def several_media(*kinds: Kind) -> Validator:
    """Return the validator of a list of media of one of these kinds."""
    check_one = media(*kinds)

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        if not isinstance(value, tuple):
            _refuse(instance, attribute, "must be a list of media", value)
            return
        for medium in value:
            check_one(instance, attribute, medium)

    return validate


def one_of(*choices: str) -> Validator:
    """Return the validator of a choice between words."""

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        if not (isinstance(value, str) and value in choices):
            _refuse(instance, attribute, f"must be {' or '.join(map(repr, choices))}", value)

    return validate


def of_class(cls: type) -> Validator:
    """Return the validator of one value of this class."""

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        if not isinstance(value, cls):
            _refuse(instance, attribute, f"must be a {cls.__name__} or a mapping of its fields", value)

    return validate


def several(*classes: type, least: int = 0, most: int | None = None) -> Validator:
    """Return the validator of a list of values of these classes, of a length within these bounds, both included."""
    names = " or ".join(cls.__name__ for cls in classes)
    limit = _described("a list of a length", least, most)

    def validate(instance: object, attribute: "Attribute[Any]", value: object) -> None:
        if not isinstance(value, tuple):
            _refuse(instance, attribute, f"must be a list of {names}", value)
        elif not _within(len(value), least, most):
            _refuse(instance, attribute, limit, len(value))
        elif others := [item for item in value if not isinstance(item, classes)]:
            _refuse(instance, attribute, f"each item must be a {names}", others[0])

    return validate


def _refuse(instance: object, attribute: "Attribute[Any]", limit: str, value: object) -> None:
    raise ValueError(f"{named(instance, attribute)}: {limit}, got {shown(value)}")


def _within(value: float, least: float | None, most: float | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _described(what: str, least: float | None, most: float | None) -> str:
    if most is not None:
        return f"must be {what} from {least} to {most}"
    return f"must be {what}" if least is None else f"must be {what} of at least {least}"
