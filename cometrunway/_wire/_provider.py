"""Providers: the origin, the key and the abilities of each API. `_encode.py` builds requests from them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import Attribute, field, frozen
from attrs.validators import optional

from cometrunway._keywords import hints_keywords
from cometrunway._media._inputs import DATA_URI_LIMITS, UPLOAD_LIMIT
from cometrunway._media._urls import check_web_url, shown
from cometrunway._paths import expanded
from cometrunway._requests import _limits as limits
from cometrunway._requests._names import nearest
from cometrunway._requests._parts import from_fields
from cometrunway._tasks import UNNAMED_PROVIDER

_GATEWAY_ROUTES = (
    *("image_to_video", "text_to_image", "video_to_video", "video_upscale", "character_performance"),
    *("pro_generate", "pro_video2video", "pro_act_one"),
)
_RUNWAY_ROUTES = (
    *("image_to_video", "text_to_image", "video_to_video", "video_upscale", "character_performance"),
    *("text_to_video", "image_upscale", "avatar_videos", "text_to_speech", "sound_effect", "speech_to_speech"),
    *("voice_dubbing", "voice_isolation", "video_to_audio", "video_to_hdr"),
)
_LIMIT = re.compile(r"([a-z0-9_/]+\.)?(image|video|audio)")


def _of_form(pattern: str, form: str) -> limits.Validator:
    """Return a validator for texts that match a pattern."""

    def validate(provider: object, attribute: "Attribute[Any]", value: object) -> None:
        if not (isinstance(value, str) and re.fullmatch(pattern, value)):
            raise ValueError(f"{limits.named(provider, attribute)}: must be {form}, got {shown(value)}")

    return validate


_name = _of_form("[a-z][a-z0-9_-]*", "lower-case letters, digits, - and _, a letter first")
_variable = _of_form("[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable, such as EXAMPLE_API_KEY")
_path = _of_form("(/[A-Za-z0-9._~-]+)*", "a path such as /runwayml/v1, without a slash at its end")


def _is_origin(_provider: object, _attribute: "Attribute[Any]", value: str) -> None:
    check_web_url(value, field="Provider.origin")


def _are_limits(_provider: object, _attribute: "Attribute[Any]", value: Mapping[str, Any]) -> None:
    for name, limit in value.items():
        if not _LIMIT.fullmatch(name) or not isinstance(limit, int) or limit < 1:
            raise ValueError(
                "Provider.inline_limits: must map image, video or audio, or ROUTE.image and so on, to characters, "
                f"got {shown(name)}: {shown(limit)}"
            )


def _limits(given: Mapping[str, int]) -> dict[str, int]:
    return dict(given)


def _routes(given: Iterable[str]) -> frozenset[str]:
    if isinstance(given, str):
        raise ValueError(f"Provider.routes: must be a list of routes, got {shown(given)}")  # noqa: TRY004 - of a file
    return frozenset(given)


@hints_keywords
@frozen(kw_only=True)
class Provider:
    """One API: its origin, its key, its paths and its routes. The defaults fit gateways such as CometAPI.

    Raises:
        ValueError: a field is wrong; the message names it.
    """

    name: str = field(validator=_name)
    """The name in journals, tokens and events, in lower case."""
    origin: str = field(validator=_is_origin)
    """The origin, such as `https://api.example.com`, without a path."""
    key_variable: str = field(validator=_variable)
    """The name of the environment variable with the key."""
    origin_variable: str | None = field(default=None, validator=optional(_variable))
    """The name of the environment variable with another origin."""
    version: str = field(default="2024-11-06", validator=limits.filled)
    """The value of the header `X-Runway-Version`."""
    prefix: str = field(default="/runwayml/v1", validator=_path)
    """The path of the routes of the official format; their tasks are polled with `GET {prefix}/tasks/{id}`."""
    pro_prefix: str = field(default="/runway/pro", validator=_path)
    """The path of the routes of the compatibility format, whose names begin with `pro_`."""
    feed: str = field(default="/runway/feed", validator=_path)
    """The path at which tasks of the compatibility format are polled with POST."""
    routes: frozenset[str] = field(default=frozenset(_GATEWAY_ROUTES), converter=_routes)
    """The routes that exist, by name. A `RawRequest` can be sent to any other."""
    inline_limits: Mapping[str, int] = field(
        factory=lambda: {**DATA_URI_LIMITS}, converter=_limits, validator=_are_limits, hash=False
    )
    """The largest number of characters of a data URI: for `image`, `video` and `audio`, and for single routes, such as
    `video_upscale.video`."""
    can_cancel: bool = field(default=False, validator=limits.flag)
    """Whether `DELETE {prefix}/tasks/{id}` cancels a task."""
    has_uploads: bool = field(default=False, validator=limits.flag)
    """Whether `POST {prefix}/uploads` takes files that are too large for a data URI."""
    upload_limit: int = field(default=UPLOAD_LIMIT, validator=limits.whole(1))
    """The largest size of an uploaded file in bytes."""
    upload_seconds: int = field(default=86_400, validator=limits.whole(1))
    """For how many seconds after its upload a file can be used."""
    has_balance: bool = field(default=False, validator=limits.flag)
    """Whether `GET {prefix}/organization` returns the balance."""

    def __attrs_post_init__(self) -> None:
        standing = _BUILT_IN.get(self.name)
        if standing is not None and standing != self:
            raise ValueError(f"Provider.name: {self.name!r} is built in; give yours another name")
        for other in _BUILT_IN.values():
            if other.key_variable == self.key_variable and other != self:
                raise ValueError(
                    f"Provider.key_variable: {self.key_variable} has the key of {other.name}, which is not sent to "
                    "other providers; name another variable"
                )

    @classmethod
    def from_toml(cls, path: str | Path) -> "Provider":
        """Read a provider from a TOML file with these fields.

        Raises:
            ValueError: the file cannot be read, is not TOML, or a field is unknown, missing or wrong.
        """
        import tomllib  # noqa: PLC0415 - few programs read a provider, and all would pay for the import

        path = expanded(path)
        try:
            return from_fields(cls, tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ValueError(f"the provider file {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"the provider file {path}: {error}") from error

    def inline_limit(self, route: str, kind: str) -> int | None:
        """Return the largest number of characters of a data URI on a route; None if it is not known."""
        return self.inline_limits.get(f"{route}.{kind}", self.inline_limits.get(kind))


_BUILT_IN: dict[str, Provider] = {}
COMETAPI = Provider(
    name=UNNAMED_PROVIDER,
    origin="https://api.cometapi.com",
    key_variable="COMETAPI_KEY",
    origin_variable="COMETRUNWAY_BASE_URL",
)
RUNWAY = Provider(
    name="runway",
    origin="https://api.dev.runwayml.com",
    key_variable="RUNWAYML_API_SECRET",
    origin_variable="RUNWAYML_BASE_URL",
    prefix="/v1",
    routes=_RUNWAY_ROUTES,
    inline_limits=dict.fromkeys(DATA_URI_LIMITS, 5_000_000),  # of every kind: its Python SDK 5.24
    can_cancel=True,
    has_uploads=True,
    has_balance=True,
)
_BUILT_IN.update({provider.name: provider for provider in (COMETAPI, RUNWAY)})
BUILT_IN: Mapping[str, Provider] = _BUILT_IN
"""The providers that need no description, by name."""


def provider_of(given: Provider | str) -> Provider:
    """Return the provider with this name, or the given `Provider`.

    Raises:
        ValueError: no built-in provider has this name.
        TypeError: it is neither a name nor a `Provider`.
    """
    if isinstance(given, Provider):
        return given
    if not isinstance(given, str):
        raise TypeError(f"provider must be a Provider or the name of one, got {type(given).__name__}")
    if given not in BUILT_IN:
        raise ValueError(
            f"provider: must be built in, got {shown(given)}: describe any other with Provider(...); "
            f"{nearest(given, BUILT_IN)}"
        )
    return BUILT_IN[given]
