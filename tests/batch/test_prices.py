"""Files of prices: what a create costs, and what is wrong with such a file."""

from decimal import Decimal
from pathlib import Path

import pytest

from cometrunway import ImageToVideo, ProActOne, ProGenerate, TextToImage, VideoUpscale
from cometrunway._batch._prices import Prices
from tests.samples import CAT, CLIP

GOOD = """\
currency = "USD"
[models.gen4_turbo]
per_second = 0.05
[models.gen4]
per_second = 1
[models.gen4_image]
per_image = 0.08
[models.upscale_v1]
per_second = 0.02
seconds = 10
[models.pro_act_one]
per_image = 3
"""


def read(folder: Path, text: str) -> Prices:
    """Return the prices of a file."""
    path = folder / "prices.toml"
    path.write_text(text)
    return Prices.read(path)


def test_a_create_costs_what_its_model_does(tmp_path: Path) -> None:
    """Per second of the length that is asked for, or else of the file's; per image; a route without models is one."""
    requests = [
        ImageToVideo(prompt_image=CAT, model="gen4_turbo", duration=10),
        ProGenerate(prompt="a cat", seconds=5),
        TextToImage(prompt_text="a cat", reference_images=[CAT]),
        VideoUpscale(video_uri=CLIP),
        ProActOne(video=CLIP, image=CAT),
    ]
    prices = read(tmp_path, GOOD)
    assert [prices.total([request]) for request in requests] == [
        Decimal(cost) for cost in ("0.5", "5", "0.08", "0.2", "3")
    ]
    assert prices.amount(prices.total(requests)) == "8.78 USD"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no model"),
        ("models = 5", "names no model"),
        ("models", "is not TOML"),
        ("prices = 1", "got 'prices'"),
        ("currency = 5\n[models.a]\nper_second = 1", "currency must be text"),
        ("[models]\na = 5", "the model 'a' must be a table"),
        ("[models.a]", "the model 'a' must have one price"),
        ("[models.a]\nper_second = 1\nper_image = 1", "the model 'a' must have one price"),
        ("[models.a]\nper_minute = 1", "the model 'a': knows per_second.*got 'per_minute'"),
        ("[models.a]\nper_second = -1", "the model 'a': per_second must be a number of at least 0, got -1"),
        ("[models.a]\nper_second = nan", "the model 'a': per_second must be a number"),
        ("[models.a]\nper_second = true", "the model 'a': per_second must be a number"),
        ("[models.a]\nper_second = '1'", "the model 'a': per_second must be a number"),
        ("[models.a]\nper_second = 1\nseconds = -5", "the model 'a': seconds must be a number"),
        ("[models.gen4]\nper_second = 1", "no price for the model 'upscale_v1', which 2 shots use"),
        ("[models.upscale_v1]\nper_second = 1", "'upscale_v1' has a price per second, and 2 shots name no length"),
    ],
)
def test_a_hole_is_named_with_its_file_and_model(text: str, reason: str, tmp_path: Path) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(ValueError, match=rf"prices\.toml: .*{reason}"):
        read(tmp_path, text).total([VideoUpscale(video_uri=CLIP)] * 2)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything else."""
    with pytest.raises(ValueError, match=r"absent\.toml: cannot be read"):
        Prices.read(tmp_path / "absent.toml")
