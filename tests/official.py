"""What Runway's own SDK says of the bodies that it sends."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin, get_type_hints

import runwayml.types
import typing_extensions


def bodies(route: str) -> Iterator[tuple[str, Any]]:
    """Yield each model of a route, and the type of its body."""
    name = "avatar_video" if route == "avatar_videos" else route
    module = getattr(runwayml.types, f"{name}_create_params")
    body = getattr(module, module.__all__[0])
    for variant in get_args(body) or [body]:
        model = get_type_hints(variant, include_extras=True)["model"]
        yield get_args(stripped(model))[0], variant


def stripped(annotation: Any) -> Any:
    """Return a type without what stands around it."""
    while hasattr(annotation, "__metadata__") or get_origin(annotation) is typing_extensions.Required:
        is_annotated = hasattr(annotation, "__metadata__")
        annotation = annotation.__origin__ if is_annotated else get_args(annotation)[0]
    return annotation
