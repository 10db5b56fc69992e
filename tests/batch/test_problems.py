"""The errors of a batch file: one message for each cause."""

import json
from pathlib import Path

import pytest

from tests.batch.written import CAT, problems, write


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{n},image_to_video,{cat},s{n},", "ImageToVideo.seed: must be a whole number from 0 to 4294967295, got 's0'"),
        ("{n},image_to_video,no/{n}.png,,", "does not exist"),
        ("{n},image{n},{cat},,", "route: must name a route, got 'image0'"),
        ("{n},image_to_video,{cat},,,{n}", "6 cells"),
        ("{n},image_to_video,,,", "ImageToVideo.prompt_image: required"),
        ("k,image_to_video,{cat},,", "key: 'k' is used twice, first in line 2; give it another"),
    ],
)
def test_one_cause_is_one_message(row: str, reason: str, tmp_path: Path) -> None:
    """However many rows it spoils, and whatever their values are; their count and the first lines are told."""
    rows = [row.format(n=number, cat=CAT) for number in range(1000)]
    [line] = problems(write(tmp_path, "a.csv", "key,route,prompt_image,seed,watermark\n" + "\n".join(rows)))
    assert reason in line
    is_double = row.startswith("k,")
    assert line.endswith(
        "[999 rows: lines 3, 4, 5, 6, 7, ...]" if is_double else "[1,000 rows: lines 2, 3, 4, 5, 6, ...]"
    )


def test_different_causes_are_told_apart(tmp_path: Path) -> None:
    """Each wrong field, and each unknown option, has a message of its own."""
    pro = {"route": "pro_generate", "prompt": "a", "callback_url": "https://example.com/hook"}
    options = [{"flipp": True}, {"second": 5}, {"flipp": False}]
    lines = [json.dumps(pro | {"options": option}) for option in options]
    lines += [json.dumps({"route": "image_to_video", "prompt_image": CAT, "seed": -1, "duration": 5})]
    lines += [json.dumps({"route": "image_to_video", "prompt_image": CAT, "duration": 0})]
    found = problems(write(tmp_path, "a.jsonl", "\n".join(lines)))
    assert [line.split(":")[0] for line in found] == ["1", "2", "4", "5"]
    assert found[0].endswith("did you mean flip? [2 rows: lines 1, 3]")
