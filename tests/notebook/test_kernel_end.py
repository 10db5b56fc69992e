"""A kernel that ends while tasks are owed."""

import re
from pathlib import Path

from cometrunway._handle import TaskReference
from tests.notebook.conftest import OPEN
from tests.notebook.kernels import kernel


def test_the_end_of_a_kernel_names_what_is_owed(environment: dict[str, str], tmp_path: Path) -> None:
    """Each unfinished task has its token there; a session that was closed, or owes nothing, is not named."""
    with (tmp_path / "stderr").open("w+b") as stderr, kernel(tmp_path, environment, stderr=stderr) as notebook:
        notebook.run(OPEN)
        notebook.run(
            'session = await Session(output_dir="clips").open()\nidle = await Session(output_dir="idle").open()'
        )
        notebook.run('handle = await session.submit(yawn("[seconds 60]"), key="cat")')
        notebook.run('done = await generate(yawn(), output_dir="done")')
    said = [line for line in (tmp_path / "stderr").read_text().splitlines() if line.startswith("cometrunway:")]
    [line] = said
    [token] = re.findall(r"crt1\.\S+", line)
    assert TaskReference.from_token(token).key == "cat"
    assert "no journal has them" in line
