"""The command behind a proxy, where the proxy, the server that speaks TLS and the emulator are processes."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from yarl import URL

from tests.served import COMMAND, served_by_emulator

SHOTS = [
    {"key": f"cat-{number}", "route": "image_to_video", "prompt_image": "https://example.com/cat.jpg", "seed": number}
    for number in range(5)
]


@contextmanager
def process(*arguments: str) -> Iterator["Running"]:
    """Run a server of `tests.proxied` until the block ends."""
    command = [sys.executable, "-m", "tests.proxied", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield Running(running)
        finally:
            if running.poll() is None:
                running.kill()


class Running:
    """A server in a process of its own."""

    def __init__(self, running: "subprocess.Popen[str]") -> None:
        assert running.stdout is not None
        self._running, self._lines = running, running.stdout
        self.port = int(self._lines.readline())

    def heads(self) -> list[str]:
        """End it, and return what it has read."""
        self._running.terminate()
        said: list[str] = json.loads(self._lines.read())
        return said


@contextmanager
def behind_tls(authority: trustme.CA, folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """Serve an emulator over TLS, all in processes of their own; yield what a client needs, and the authority."""
    certificate = folder / "server.pem"
    issued = authority.issue_cert("127.0.0.1")
    certificate.write_bytes(issued.private_key_pem.bytes() + issued.cert_chain_pems[0].bytes())
    with served_by_emulator("--median", "0.2") as served:
        plain = URL(served["COMETRUNWAY_BASE_URL"])
        with process("tls", str(certificate), str(plain.port)) as tls:
            yield {**served, "COMETRUNWAY_BASE_URL": f"https://127.0.0.1:{tls.port}"}, f"127.0.0.1:{tls.port}"


def run(folder: Path, served: dict[str, str], **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the batch with the command."""
    (folder / "shots.json").write_text(json.dumps(SHOTS))
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [*COMMAND, "run", "shots.json", "--journal", "shots.db"],
        cwd=folder,
        env={**kept, **served, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("credentials", ["", "me:p%40ss@"])
def test_a_batch_goes_through_a_proxy_process(
    credentials: str, tmp_path: Path, authority: trustme.CA, authority_file: Path
) -> None:
    """Every call of the API is a tunnel of the proxy; with credentials too, and NO_PROXY goes around it."""
    wanted = [f"Basic {base64.b64encode(b'me:p@ss').decode()}"] if credentials else []
    trusted = {"SSL_CERT_FILE": str(authority_file)}
    with behind_tls(authority, tmp_path) as (served, authority_of_url), process("proxy", *wanted) as proxy:
        url = f"http://{credentials}127.0.0.1:{proxy.port}"
        direct = run(tmp_path, served, **trusted, HTTPS_PROXY=url, NO_PROXY="127.0.0.1", HTTP_PROXY=url)
        assert direct.returncode == 0, direct.stderr
        (tmp_path / "shots.db").unlink()
        shutil.rmtree(tmp_path / "outputs")
        tunnelled = run(tmp_path, served, **trusted, HTTPS_PROXY=url)
        assert tunnelled.returncode == 0, tunnelled.stderr
        heads = proxy.heads()
    connects = [head.split()[1] for head in heads if head.startswith("CONNECT ")]
    assert len(connects) == len(heads)
    assert set(connects) == {authority_of_url}
    assert len(connects) < 4 * len(SHOTS)  # connections are shared


def test_a_proxy_process_that_wants_credentials_ends_the_batch(
    tmp_path: Path, authority: trustme.CA, authority_file: Path
) -> None:
    """407 is told at once with the cure, and nothing is sent."""
    with behind_tls(authority, tmp_path) as (served, _), process("proxy", "Basic bm8=") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        ended: Any = run(tmp_path, served, SSL_CERT_FILE=str(authority_file), HTTPS_PROXY=url)
    assert ended.returncode == 1
    assert "HTTPS_PROXY=http://user:password@host:port" in ended.stderr + ended.stdout
