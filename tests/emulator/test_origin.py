"""The emulator's servers, as other programs than ours may meet them."""

import io
import json
from urllib.parse import urlsplit

import aiohttp
import pytest

from cometrunway.emulator import Emulator

FOREIGN = ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""]
PATHS = {
    "base_url": ["/runwayml/v1/tasks/x", "/__emulator__/ledger", "/nowhere"],
    "asset_url": ["/x/output.mp4"],
    "storage_url": ["/"],
}


@pytest.mark.parametrize("host", FOREIGN)
async def test_a_page_cannot_reach_it_by_its_own_host_name(host: str) -> None:
    """A browser whose name for this machine was changed sends the page's host, and is refused at every origin."""
    async with Emulator() as emulator, aiohttp.ClientSession() as http:
        for origin, paths in PATHS.items():
            for path in paths:
                url, headers = getattr(emulator, origin) + path, {"Host": host, "Authorization": "Bearer sk-emulator"}
                async with http.get(url, headers=headers) as answer:
                    assert answer.status == 421
        assert not emulator.requests


async def test_it_answers_by_each_name_of_this_machine() -> None:
    """Its address, and `localhost`, with the port of a relay as well."""
    async with Emulator() as emulator, aiohttp.ClientSession() as http:
        port = urlsplit(emulator.base_url).port
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost:1", "[::1]:1"):
            async with http.get(f"{emulator.base_url}/__emulator__/ledger", headers={"Host": host}) as answer:
                assert answer.status == 200
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_fields_of_a_form_are_bounded() -> None:
    """A form whose fields are longer than any of the API's is refused, and not read to its end."""
    async with Emulator() as emulator, aiohttp.ClientSession() as http:
        for fields in ({"key": "x" * 100_000}, {f"field-{number}": "x" * 1000 for number in range(100)}):
            form = aiohttp.FormData(fields, default_to_multipart=True)
            async with http.post(emulator.storage_url, data=form) as answer:
                assert answer.status == 413


async def test_a_body_is_bounded() -> None:
    """A create of more than 64 MiB is refused, and is no create."""
    async with Emulator() as emulator, aiohttp.ClientSession() as http:
        body = io.BytesIO(json.dumps({"promptText": "x" * (64 * 2**20)}).encode())
        async with http.post(f"{emulator.base_url}/runwayml/v1/image_to_video", data=body) as answer:
            assert answer.status == 413
        assert emulator.creates.received == 0
