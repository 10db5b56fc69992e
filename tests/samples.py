"""Requests of every route, for tests that send them, and the smallest files that are whole."""

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
PNG = bytes.fromhex(
    "89504e470d0a1a0a 0000000d4948445200000100000001000100000000740995cb"
    "0000001f4944415478daedc1010d000000c2a0f74f6d0e37a00000000000000000be0d2100000160e49d97 0000000049454e44ae426082"
)
"""A black square of 256 pixels a side; whatever is added to it follows the end of the image."""
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x08moov" + b"\0\0\0\x08mdat"
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
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
