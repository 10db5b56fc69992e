"""Requests of every route, for tests that send them."""

from cometrunway import (
    CharacterPerformance,
    ImageToVideo,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
)

CAT = "https://example.com/cat.jpg"
CLIP = "https://example.com/street.mp4"
HOOK = "https://example.com/webhook"
ALL_ROUTES = [
    ImageToVideo(prompt_image=CAT, prompt_text="the cat yawns"),
    TextToImage(prompt_text="a boat", ratio="1280:720", reference_images=[CAT]),
    VideoToVideo(video_uri=CLIP, prompt_text="make it snow"),
    VideoUpscale(video_uri=CLIP),
    CharacterPerformance(character={"type": "image", "uri": CAT}, reference={"type": "video", "uri": CLIP}),
    ProGenerate(prompt="a cat", callback_url=HOOK),
    ProGenerate(prompt="a cat", callback_url=HOOK, image=CAT),
    ProVideoToVideo(prompt="pixelated style", callback_url=HOOK, video=CLIP),
    ProActOne(video=CLIP, image=CAT, callback_url=HOOK),
]


def yawn(number: int = 0, extra: str = "") -> ImageToVideo:
    """Return a request that no other number shares."""
    return ImageToVideo(prompt_image=CAT, prompt_text=f"the cat yawns {number} times {extra}")
