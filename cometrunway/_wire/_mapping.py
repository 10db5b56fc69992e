"""Requests from JSON objects: the sample bodies of the API's documentation, and the lines of batch files."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from cometrunway._media._urls import scheme, shown
from cometrunway._paths import expanded
from cometrunway._requests._all_routes import COMPAT, RawRequest
from cometrunway._requests._names import snake_case
from cometrunway._requests._parts import from_fields
from cometrunway._requests._routes import Request
from cometrunway._wire._encode import request_type_of, without_options
from cometrunway._wire._values import Row, given, with_whole_numbers

_MEDIA_FIELDS = frozenset(
    {"prompt_image", "reference_images", "video_uri", "references", "character", "reference"}
    | {"image", "last_image", "video", "prompt_video", "image_uri", "audio_uri", "mask_uri", "media", "keyframes"}
    | {"reference_audio", "reference_audios", "reference_videos"}
)
_MEMBERS_WITH_MEDIA = {"voice": ("audio_uri", "audioUri"), "speech": ("audio",)}
"""Fields that are objects and have members with URLs of media. The text of the field itself is not a URL."""


def request_from_dict(mapping: Row, *, base_dir: Path | None = None) -> Request:
    """Make a request from a JSON object, or from a row of a table.

    Args:
        mapping: the `route`, a name such as `image_to_video` or a path such as `/runwayml/v1/image_to_video`, and the
            request's fields, in snake_case or spelled as in the API, with or without the `options` of compatibility
            routes. A field that is None, NaN or pandas' NA is not given. Values of numpy are accepted, and 5.0 for 5.
        base_dir: the folder of local files; without it, media must be URLs.

    Raises:
        ValueError: a field is wrong. The message names the field and the value; for an unknown field, also the nearest
            known name.
    """
    if not hasattr(mapping, "keys"):
        raise ValueError(f"a request must be an object, got {shown(mapping)}")
    fields = given(mapping)
    cls = request_type_of(fields)
    if cls is RawRequest:
        return from_fields(cls, fields)
    del fields["route"]
    if cls in COMPAT:
        fields = without_options(fields)
    fields = {name: _without_gaps(name, value) for name, value in with_whole_numbers(cls, fields).items()}
    if base_dir is not None:
        for name, value in fields.items():
            if snake_case(str(name)) in _MEDIA_FIELDS:
                fields[name] = _located(value, base_dir)
            elif name in _MEMBERS_WITH_MEDIA and isinstance(value, Mapping):
                fields[name] = _with_located(_MEMBERS_WITH_MEDIA[name], value, base_dir)
    return from_fields(cls, fields)


def request_again(description: Mapping[str, Any]) -> Request:
    """Make a request from its description in a journal, which may also name the provider."""
    return request_from_dict({name: value for name, value in description.items() if name != "provider"})


def _without_gaps(name: str, value: Any) -> Any:
    """Leave out the missing items of a list. A last image stays the last one if the first is missing."""
    if not isinstance(value, list) or all(item is not None for item in value):
        return value
    if snake_case(str(name)) == "prompt_image" and value[0] is None:
        value = [_to_end_with(item) for item in value]
    return [item for item in value if item is not None]


def _to_end_with(image: Any) -> Any:
    fields = {"uri": image} if isinstance(image, str | Path | bytes) else image
    return {"position": "last", **fields} if isinstance(fields, Mapping) else image


def _located(media: Any, base_dir: Path) -> Any:
    if isinstance(media, list | tuple):
        return [_located_one(item, base_dir) for item in media]
    return _located_one(media, base_dir)


def _located_one(media: Any, base_dir: Path) -> Any:
    if isinstance(media, Mapping):
        return _with_located(("uri",), media, base_dir)
    return _path_or_url(media, base_dir)


def _with_located(names: Collection[str], members: Mapping[str, Any], base_dir: Path) -> dict[str, Any]:
    """Return an object in which the members with these names, which are media, are located."""
    return {name: _path_or_url(member, base_dir) if name in names else member for name, member in members.items()}


def _path_or_url(media: Any, base_dir: Path) -> Any:
    if not isinstance(media, str) or not media or scheme(media) is not None:
        return media
    return expanded(media) if media.startswith("~") else base_dir / media
