"""When two requests are the same: what the user asked for decides, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from cometrunway import ImageToVideo, ProGenerate, PromptImage, Request, TextToImage
from cometrunway._wire._identity import describe, identity, is_complete

CAT, HOOK = "https://example.com/cat.jpg", "https://example.com/webhook"
PNG = Path(__file__).parent.parent.parent / "cometrunway" / "_cli" / "demo" / "first-frame.png"


def identified(request: Request) -> str:
    """Return the identity of a request."""
    return identity(describe(request))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ProGenerate(prompt="a cat", callback_url=HOOK),
            ProGenerate(prompt="a cat", callback_url="https://example.com/other?token=1"),
        ),
        (ProGenerate(prompt="a cat", callback_url=HOOK), ProGenerate(prompt="a cat")),
        (ImageToVideo(prompt_image=CAT), ImageToVideo(prompt_image=CAT, duration=5, model="gen3a_turbo")),
        (ImageToVideo(prompt_image=CAT), ImageToVideo(prompt_image=CAT, ratio="1280:768")),
        (ImageToVideo(prompt_image=PNG), ImageToVideo(prompt_image=PNG.read_bytes())),
        (ProGenerate(prompt="a cat", callback_url=HOOK), ProGenerate(prompt="a cat", callback_url=HOOK, seconds=5)),
    ],
    ids=["callback", "no callback", "default", "computed default", "file or its bytes", "default of the mode"],
)
def test_what_is_put_in_on_the_way_changes_nothing(one: Request, other: Request) -> None:
    """A callback, a default that is written out, and the place of a file make no other submission."""
    assert identified(one) == identified(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ImageToVideo(prompt_image=CAT), ImageToVideo(prompt_image=CAT, seed=0)),
        (ImageToVideo(prompt_image=CAT), ImageToVideo(prompt_image=f"{CAT}?v=2")),
        (ImageToVideo(prompt_image=f"{CAT}?v=1"), ImageToVideo(prompt_image=f"{CAT}?v=2")),
        (ImageToVideo(prompt_image=CAT, model="gen4_turbo"), ImageToVideo(prompt_image=CAT)),
        (ImageToVideo(prompt_image=PNG), ImageToVideo(prompt_image=PNG.read_bytes() + b"\0")),
        (
            ImageToVideo(prompt_image=[PromptImage(CAT, position="first")]),
            ImageToVideo(prompt_image=[PromptImage(CAT, position="last")]),
        ),
        (
            ProGenerate(prompt="a cat", callback_url=HOOK, image=CAT),
            ProGenerate(prompt="a cat", callback_url=HOOK, image=CAT, seconds=5),
        ),
        (TextToImage(prompt_text="a", reference_images=[CAT]), TextToImage(prompt_text="b", reference_images=[CAT])),
    ],
)
def test_what_was_asked_for_decides(one: Request, other: Request) -> None:
    """Any other field, medium or route is another submission."""
    assert identified(one) != identified(other)


def test_a_moved_file_is_the_same(tmp_path: Path) -> None:
    """A file counts by its content, wherever it lies."""
    moved = tmp_path / "moved.png"
    moved.write_bytes(PNG.read_bytes())
    assert identified(ImageToVideo(prompt_image=moved)) == identified(ImageToVideo(prompt_image=PNG))


def test_a_field_of_a_later_version_changes_nothing() -> None:
    """A description without a field is the same as one in which the field has its default."""
    described = describe(ImageToVideo(prompt_image=CAT))
    older: dict[str, Any] = {name: value for name, value in described.items() if name not in {"duration", "ratio"}}
    assert identity(older) == identity(described)


def test_a_whole_float_is_an_integer() -> None:
    """A number is what it is worth."""
    described = {"route": "pro_video2video", "structure_transformation": 1}
    assert identity(described) == identity({**described, "structure_transformation": 1.0})


@pytest.mark.parametrize(
    "image", [PNG, PNG.read_bytes(), "data:image/png;base64,iVBORw0KGgo=", f"{CAT}?signature=secret"]
)
def test_of_content_and_of_secrets_a_description_has_digests(image: Any) -> None:
    """The journal has neither the bytes nor the signature, and knows that the request cannot be made again of it."""
    description = describe(ImageToVideo(prompt_image=image))
    assert "iVBORw0KGgo" not in str(description)
    assert "secret" not in str(description)
    assert not is_complete(description)
    assert not is_complete([{"plain": "text", "nested": [description]}])


def test_a_description_without_secrets_is_complete() -> None:
    """The request can be made again of it."""
    description = describe(ImageToVideo(prompt_image=CAT))
    assert CAT in str(description)
    assert is_complete(description)


def test_a_description_of_a_route_of_another_version_is_identified_by_its_fields() -> None:
    """Nothing is known of its defaults."""
    described = {"route": "of_the_future", "prompt": "a cat"}
    assert identity(described) == identity({**described})
    assert identity(described) != identity({**described, "prompt": "a dog"})
