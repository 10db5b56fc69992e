"""A provider is data: built in, or described by a user in a few lines."""

from pathlib import Path
from typing import Any

import pytest
from attrs import asdict

from cometrunway import Provider, Session
from cometrunway._wire._provider import BUILT_IN, COMETAPI, RUNWAY, provider_of
from cometrunway.emulator import Emulator
from tests.samples import yawn

SIBLING = """
name = "sibling"
origin = "{origin}"
key_variable = "SIBLING_KEY"
routes = ["image_to_video", "text_to_image"]

[inline_limits]
image = 3_000_000
"image_to_video.image" = 2_000_000
"""


def described(folder: Path, origin: str = "https://api.sibling.example") -> Path:
    """Return the description of a sibling gateway."""
    path = folder / "sibling.toml"
    path.write_text(SIBLING.format(origin=origin))
    return path


async def test_a_described_gateway_is_used_as_a_built_in_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ten lines of TOML suffice to submit to it, with the key of its own variable, and the handle names it."""
    async with Emulator(api_key="sk-sibling") as emulator:
        monkeypatch.setenv("SIBLING_KEY", "sk-sibling")
        provider = Provider.from_toml(described(tmp_path, emulator.base_url))
        async with Session(provider=provider, output_dir=tmp_path) as runway:
            handle = await runway.submit(yawn())
            assert [asset.verified for asset in await handle] == [True]
    assert handle.provider == "sibling"


def test_a_file_says_what_code_says(tmp_path: Path) -> None:
    """The fields have the same names and meanings, and what is not given is as CometAPI has it."""
    in_code = Provider(
        name="sibling",
        origin="https://api.sibling.example",
        key_variable="SIBLING_KEY",
        routes=["image_to_video", "text_to_image"],
        inline_limits={"image": 3_000_000, "image_to_video.image": 2_000_000},
    )
    assert Provider.from_toml(described(tmp_path)) == in_code
    assert in_code.inline_limit("image_to_video", "image") == 2_000_000
    assert in_code.inline_limit("text_to_image", "image") == 3_000_000
    assert in_code.inline_limit("text_to_image", "video") is None
    assert in_code.prefix == COMETAPI.prefix
    assert not in_code.can_cancel


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("prefx = '/v1'", "unknown field 'prefx'; did you mean prefix?"),
        ("prefix = 'v1/'", "Provider.prefix: must be a path"),
        ("can_cancel = 1", "Provider.can_cancel: must be true or false"),
        ("routes = 'image_to_video'", "Provider.routes: must be a list"),
        ("inline_limits = { imag = 5 }", "Provider.inline_limits: must map image, video or audio"),
        ("inline_limits = { image = 0 }", "Provider.inline_limits: must map image, video or audio"),
        ("[", "provider.toml"),
    ],
)
def test_a_wrong_description_is_told(line: str, reason: str, tmp_path: Path) -> None:
    """The error names the file, the field and the form."""
    path = tmp_path / "provider.toml"
    path.write_text(f"name = 'x'\norigin = 'https://x.example'\nkey_variable = 'X'\n{line}")
    with pytest.raises(ValueError, match=r"provider file .*provider\.toml") as caught:
        Provider.from_toml(path)
    assert reason in str(caught.value)


def test_a_description_that_is_missing_is_told(tmp_path: Path) -> None:
    """A file that is not there is an error that names it."""
    with pytest.raises(ValueError, match=r"absent\.toml cannot be read"):
        Provider.from_toml(tmp_path / "absent.toml")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_name_and_its_key_stay_its_own(name: str) -> None:
    """A description that takes the name or the key's variable of a built-in provider is refused."""
    fields: dict[str, Any] = {**asdict(BUILT_IN[name]), "origin": "https://elsewhere.example"}
    with pytest.raises(ValueError, match=f"{name!r} is built in"):
        Provider(**fields)
    with pytest.raises(ValueError, match=f"has the key of {name}"):
        Provider(**{**fields, "name": "mine"})
    assert Provider(**asdict(BUILT_IN[name])) == BUILT_IN[name]


def test_an_unknown_name_is_told() -> None:
    """The nearest built-in one is suggested."""
    with pytest.raises(ValueError, match=r"'runwy': describe any other with Provider\(...\); did you mean runway"):
        provider_of("runwy")
    with pytest.raises(TypeError, match="got NoneType"):
        provider_of(None)  # type: ignore[arg-type]  # the mistake
    assert provider_of("runway") is RUNWAY


@pytest.mark.parametrize("origin", ["", "api.example.com", "ftp://api.example.com", "https://"])
def test_an_origin_is_an_address_of_the_web(origin: str) -> None:
    """The error names the field."""
    with pytest.raises(ValueError, match=r"Provider\.origin"):
        Provider(name="own", origin=origin, key_variable="OWN", routes=["image_to_video"])
