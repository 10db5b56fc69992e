"""How a provider takes a local file is a matter of its size, its kind, the route and the provider."""

import pytest
from attrs import evolve

from cometrunway._media._inputs import DATA_URI_LIMITS, UPLOAD_LIMIT, LocalFile
from cometrunway._media._kinds import Kind, sniff
from cometrunway._wire._file_limits import is_uploaded, largest_file
from cometrunway._wire._provider import COMETAPI, RUNWAY
from tests.samples import MP4, PNG

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"


def of_size(content: bytes, size: int) -> LocalFile:
    """Return a file that begins so and has so many bytes, by what is said of it."""
    found = sniff(content)
    assert found is not None
    return LocalFile(content, found, size)


@pytest.mark.parametrize(("content", "kind", "largest"), [(PNG, "image", 3_749_982), (MP4, "video", 11_999_982)])
def test_a_gateway_takes_what_a_data_uri_holds(content: bytes, kind: Kind, largest: int) -> None:
    """To the byte; of what is larger the error says the limit and what else to do."""
    fits, too_large = of_size(content, largest), of_size(content, largest + 1)
    assert DATA_URI_LIMITS[kind] - 4 < fits.data_uri_size <= DATA_URI_LIMITS[kind]
    assert not is_uploaded(fits, route="video_to_video", provider=COMETAPI)
    with pytest.raises(
        ValueError, match=rf"{largest + 1} bytes, .* cometapi takes at most .* and has no uploads; .* host it"
    ):
        is_uploaded(too_large, route="video_to_video", provider=COMETAPI)


@pytest.mark.parametrize("content", [PNG, MP4])
def test_runway_takes_larger_files_as_uploads(content: bytes) -> None:
    """Of every kind, from what a data URI of 5 MB does not hold up to 200 MB."""
    for size, wanted in ((3_749_982, False), (3_749_983, True), (UPLOAD_LIMIT, True)):
        assert is_uploaded(of_size(content, size), route="video_to_video", provider=RUNWAY) is wanted
    with pytest.raises(
        ValueError,
        match=r"^local file .* has 200000001 bytes; runway takes uploads of at most 200000000 bytes; make it",
    ):
        is_uploaded(of_size(content, UPLOAD_LIMIT + 1), route="video_to_video", provider=RUNWAY)


def test_the_limits_are_the_providers_own() -> None:
    """A limit of one route counts there alone; a kind without any limit is never uploaded."""
    own = evolve(
        COMETAPI,
        name="own",
        key_variable="OWN",
        has_uploads=True,
        upload_limit=2000,
        inline_limits={"image": 1000, "video_upscale.video": 500},
    )
    assert is_uploaded(of_size(PNG, 1000), route="image_to_video", provider=own)
    assert is_uploaded(of_size(MP4, 1000), route="video_upscale", provider=own)
    assert not is_uploaded(of_size(MP4, 10**9), route="video_to_video", provider=own)
    with pytest.raises(ValueError, match="own takes uploads of at most 2000 bytes"):
        is_uploaded(of_size(PNG, 2001), route="image_to_video", provider=own)


@pytest.mark.parametrize("limit", [1000, 1001, 1002, 1003])
def test_the_largest_image_is_one_whose_data_uri_just_fits(limit: int) -> None:
    """An image is scaled to this size, and no further."""
    provider = evolve(COMETAPI, name="own", key_variable="OWN", inline_limits={"image": limit})
    largest = largest_file(provider, "image_to_video", "image")
    assert largest is not None
    assert of_size(JPEG, largest).data_uri_size <= limit < of_size(JPEG, largest + 1).data_uri_size
