"""A kernel for each test that asks for one, with an emulator behind it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernels import FrontEnd, kernel
from tests.served import served_by_emulator

OPEN = """
from cometrunway import *
from cometrunway import errors
def yawn(text="it yawns"):
    return ImageToVideo(prompt_image="https://example.com/cat.jpg", prompt_text=text)
"""


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """What a kernel needs to find the emulator."""
    pytest.importorskip("ipykernel", reason="nox --session notebook has it")
    with served_by_emulator("--median", "0.5") as served:
        yield {**os.environ, **served}


@pytest.fixture
def notebook(environment: dict[str, str], tmp_path: Path) -> Iterator[FrontEnd]:
    """A front end whose kernel has the public names, in a fresh folder."""
    with kernel(tmp_path, environment) as front_end:
        front_end.run(OPEN)
        yield front_end
