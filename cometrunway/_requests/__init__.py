"""The requests: frozen values, checked as they are made, so that nothing wrong is ever sent."""

from cometrunway._requests._parts import (
    ContentModeration,
    MediaReference,
    MotionVector,
    PromptImage,
    ReferenceImage,
    from_fields,
    nearest,
    snake_case,
)
from cometrunway._requests._routes import (
    CharacterPerformance,
    ImageToVideo,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    Request,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
)

__all__ = [
    "CharacterPerformance",
    "ContentModeration",
    "ImageToVideo",
    "MediaReference",
    "MotionVector",
    "ProActOne",
    "ProGenerate",
    "ProVideoToVideo",
    "PromptImage",
    "ReferenceImage",
    "Request",
    "TextToImage",
    "VideoToVideo",
    "VideoUpscale",
    "from_fields",
    "nearest",
    "snake_case",
]
