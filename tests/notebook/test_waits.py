"""Progress in a notebook: one display for a cell, updated in place, whose last state is what is saved."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cometrunway import Journal
from tests.notebook.conftest import OPEN
from tests.notebook.kernels import FrontEnd


def executed(cells: list[str], folder: Path, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Run cells as nbclient does, which drops what comes for a cell after its end; return what is saved of each."""
    nbformat = pytest.importorskip("nbformat")
    client_type = pytest.importorskip("nbclient").NotebookClient
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client_type(notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute(env=environment)
    assert nbformat.validate(notebook) is None
    return [dict(cell) for cell in notebook.cells]


def text(cell: dict[str, Any]) -> str:
    """Return what a saved cell shows as text."""
    return "\n".join(output["data"]["text/plain"] for output in cell["outputs"] if "data" in output)


def test_the_saved_state_is_the_last_one(environment: dict[str, str], tmp_path: Path) -> None:
    """What is saved of a batch says what its journal says, also where the wait began in an earlier cell."""
    cells = [
        f'{OPEN}\nimport asyncio\nsession = await Session(output_dir="clips", journal="shots.db").open()',
        'shots = [Shot(f"{n}", yawn(f"{n} [seconds {1 + n % 3}]" + " [fail MINE]" * (n == 3))) for n in range(6)]',
        "batch = session.map(shots)\nasync for handle in batch:\n    pass",
        'other = await session.submit(yawn("[seconds 2]"), key="other")\nwaiting = asyncio.create_task(other.wait())',
        "await waiting",
        "await other\nawait session.close()",
    ]
    saved = executed(cells, tmp_path, environment)
    records = Journal.read(tmp_path / "shots.db").to_records()
    statuses = [record["status"] for record in records if record["key"] != "other"]
    [reason] = [record["reason"] for record in records if record["status"] == "failed"]
    wanted = f"{statuses.count('delivered')} delivered · {statuses.count('failed')} failed · in"
    assert wanted in text(saved[2])
    assert f"3 failed: {reason}" in text(saved[2])
    assert len(saved[2]["outputs"]) == 1
    assert "1 delivered" in text(saved[3]) or "1 delivered" in text(saved[5])
    shown = "".join(text(cell) for cell in saved)
    assert "running" not in shown
    assert "so far" not in shown


def test_progress_is_updated_in_place(notebook: FrontEnd) -> None:
    """One display shows all that a cell waits for, with how many are done, the failures, and the time that is left."""
    notebook.run('session = await Session(output_dir="clips").open()\nimport asyncio')
    notebook.run('await session.map([yawn(f"{n} [seconds 1]") for n in range(6)])')
    cell = notebook.start(
        'handles = [await session.submit(yawn(f"{n} [seconds {2 + 2 * n}]" + " [fail MINE]" * (n == 0)), key=f"{n}")'
        " for n in range(3)]\nawait asyncio.gather(*handles, return_exceptions=True)"
    )
    notebook.until(lambda: "1 of 3 · 1 failed · 2 running · about" in cell.text() or cell.is_over)
    assert "about" in cell.text()
    assert "left" in cell.text()
    assert "<progress" in cell.html()
    notebook.until(lambda: cell.is_over)
    assert cell.updates >= 2
    assert [output for output in cell.outputs if "in 0:0" in output.get("text/plain", "")] == cell.outputs[:1]
    assert "2 delivered · 1 failed" in cell.text()
    notebook.run("await session.close()")


def test_one_switch_turns_progress_off(notebook: FrontEnd) -> None:
    """Nothing is shown of a wait then, and files are shown as before."""
    notebook.run("show_progress(False)")
    cell = notebook.run('clips = await generate(yawn(), output_dir="clips")\nclips')
    [output] = cell.outputs
    assert "<video" in output["text/html"]


def test_off_a_notebook_nothing_of_it_is_loaded(environment: dict[str, str], tmp_path: Path) -> None:
    """A program that waits, with IPython loaded or not, loads no display."""
    program = f"""
import asyncio, sys
if len(sys.argv) > 1:
    import IPython
{OPEN}
async def main():
    async with Session(output_dir=None) as session:
        await session.map([yawn()])
        await (await session.submit(yawn()))
asyncio.run(main())
print([name for name in sys.modules if name.startswith("cometrunway._notebook")])
"""
    for arguments in ([], ["with IPython"]):
        command = [sys.executable, "-c", program, *arguments]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert ended.stdout == "[]\n"
