"""Runway's own API: its routes, the fields of each model, and the requests other than create and poll.

`official.json` has each route, model and field: whether it is required, and its values (Runway's Python SDK 5.24.0,
2026-11-30).
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cometrunway.emulator._refusals import Refusal
from cometrunway.emulator._tasks import Media

PREFIX = "/v1/"
ROUTES = (
    *("image_to_video", "text_to_video", "video_to_video", "text_to_image", "character_performance", "video_upscale"),
    *("image_upscale", "avatar_videos", "text_to_speech", "sound_effect", "speech_to_speech", "voice_dubbing"),
    *("voice_isolation", "video_to_audio", "video_to_hdr"),
)
_SOUNDS = {"text_to_speech", "sound_effect", "speech_to_speech", "voice_dubbing", "voice_isolation", "video_to_audio"}
_PICTURES = {"text_to_image", "image_upscale"}
_LONGEST_PROMPTS = {
    **dict.fromkeys(("gen4.5", "gen4_turbo", "veo3.1", "veo3.1_fast", "gen4_image", "gen4_image_turbo"), 1000),
    "happyhorse_1_0": 2500,
    **dict.fromkeys(("seedance2", "seedance2_fast", "seedance2_mini"), 3500),
}


@cache
def models_of(route: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """The fields of each model of a route."""
    found: Mapping[str, Any] = json.loads((files("cometrunway.emulator") / "official.json").read_text("utf-8"))[route]
    return found


def media_of(route: str) -> Media:
    """What a route makes."""
    return "audio" if route in _SOUNDS else "image" if route in _PICTURES else "video"


def invalid(route: str, body: Mapping[str, Any]) -> Iterator[Refusal]:
    """What is wrong with the body of a create, as Runway words it."""
    models = models_of(route)
    model = body.get("model")
    if model not in models:
        yield _invalid("model", f"expected one of {', '.join(models)}")
        return
    for name, rule in models[str(model)].items():
        value = body.get(name)
        if rule.get("required") and value in (None, "", [], {}):
            yield _invalid(name, "required")
        elif name in body and "enum" in rule and value not in rule["enum"]:
            yield _invalid(name, f"expected one of {', '.join(map(str, rule['enum']))}")
    prompt = body.get("promptText", "a")
    units = len(prompt.encode("utf-16-le", "surrogatepass")) // 2 if isinstance(prompt, str) else 0
    if not 0 < units <= _LONGEST_PROMPTS.get(str(model), units or 1):
        yield _invalid("promptText", f"expected 1 to {_LONGEST_PROMPTS.get(str(model), 'some')} UTF-16 code units")


def _invalid(name: str, message: str) -> Refusal:
    return Refusal.upstream(f"{name}: {message}")
