"""Batch files that tests write, and what is wrong with them."""

from pathlib import Path

import pytest

from cometrunway import ImageToVideo, Shot, TextToImage
from cometrunway._batch._files import BatchFileError, read_shots

CAT = "https://example.com/cat.jpg"
WANTED = [
    Shot("one", ImageToVideo(prompt_image=CAT, prompt_text="123", seed=7, watermark=True)),
    Shot("two", TextToImage(prompt_text="[a] cat, asleep", reference_images=[CAT])),
]
OBJECTS = [
    {"route": "image_to_video", "key": "one", "promptImage": CAT, "prompt_text": "123", "seed": 7, "watermark": True},
    {"route": "text_to_image", "key": "two", "prompt_text": "[a] cat, asleep", "reference_images": [CAT]},
]
TABLE = f"""\
key,route,prompt_image,promptText,seed,watermark,referenceImages
one,image_to_video,{CAT},123,7,TRUE,

two,text_to_image,,"[a] cat, asleep",,,{CAT}
"""


def write(folder: Path, name: str, text: str) -> Path:
    """Write a batch file and return where it is."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def problems(path: Path) -> list[str]:
    """Return the lines of what is wrong with a file, without the file's name."""
    with pytest.raises(BatchFileError) as refused:
        read_shots(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).split("\n")]
