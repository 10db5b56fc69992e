"""A session over many cells: it is opened, interrupted, restarted and closed."""

import re
from pathlib import Path

from tests.notebook.conftest import OPEN
from tests.notebook.kernels import FrontEnd, kernel


def test_one_line_makes_a_clip(notebook: FrontEnd, tmp_path: Path) -> None:
    """`await generate(...)` opens, waits, delivers and closes; it shows the wait, and the video."""
    cell = notebook.run('await generate(yawn(), key="cat", output_dir="clips")')
    assert "1 delivered" in cell.text()
    assert "<video" in cell.html()
    assert (tmp_path / "clips" / "cat.mp4").exists()


def test_an_interrupted_wait_leaves_the_session_usable(notebook: FrontEnd, tmp_path: Path) -> None:
    """The next cell goes on with the same handle; nothing is bought again, and the first display becomes true again."""
    notebook.run('session = await Session(output_dir="clips", journal="shots.db").open()')
    notebook.run('handle = await session.submit(yawn("[seconds 4]"), key="cat")')
    waiting = notebook.start("await handle")
    notebook.until(lambda: "running" in waiting.text())
    notebook.interrupt()
    notebook.until(lambda: waiting.is_over)
    assert "CancelledError" in waiting.error
    assert "not waited for now" in waiting.text()
    again = notebook.run(
        '[clip] = await handle\nprint(clip.path)\nawait session.submit(yawn("[seconds 4]"), key="cat")'
    )
    assert "clips/cat.mp4" in again.text()
    assert "1 delivered" in waiting.text()
    notebook.run("await session.close()")
    creates = notebook.run('[entry] = Journal.read("shots.db")\nprint(entry.creates, entry.state.value)')
    assert "1 delivered" in creates.text()


def test_closing_shows_what_it_waits_for(notebook: FrontEnd) -> None:
    """A session that is closed waits for what was submitted, and shows it."""
    notebook.run(
        'session = await Session(output_dir="clips").open()\nhandle = await session.submit(yawn("[seconds 2]"))'
    )
    closing = notebook.start("await session.close()")
    notebook.until(lambda: "0 of 1 · 1 running" in closing.text())
    notebook.until(lambda: closing.is_over)
    assert "1 delivered" in closing.text()


def test_an_interrupted_clip_leaves_its_token(notebook: FrontEnd) -> None:
    """Who interrupts `generate` without a journal is told how to take up what was paid for."""
    waiting = notebook.start('await generate(yawn("[seconds 5]"), key="cat", output_dir="clips")')
    notebook.until(lambda: "running" in waiting.text())
    notebook.interrupt()
    notebook.until(lambda: waiting.is_over)
    [token] = set(re.findall(r"crt1\.[\w-]+", waiting.error))
    notebook.run('session = await Session(output_dir="clips").open()')
    cell = notebook.run(f'[clip] = await session.attach("{token}")\nprint(clip.path)')
    notebook.run("await session.close()")
    assert "clips/cat.mp4" in cell.text()


def test_an_interrupted_batch_goes_on(notebook: FrontEnd) -> None:
    """Every handle is yielded once, before or after the interrupt."""
    notebook.run('session = await Session(output_dir="clips").open()\nkeys = []')
    notebook.run('batch = session.map([Shot(f"{n}", yawn(f"{n} [seconds {1 + n % 4}]")) for n in range(8)])')
    loop = "async for handle in batch:\n    keys.append(handle.key)"
    waiting = notebook.start(loop)
    notebook.until(lambda: "delivered" in waiting.text())
    notebook.interrupt()
    notebook.until(lambda: waiting.is_over)
    again = notebook.run(f"{loop}\nprint(sorted(keys))\nbatch.counts")
    assert "['0', '1', '2', '3', '4', '5', '6', '7']" in again.text()
    assert "{'delivered': 8}" in again.text()
    notebook.run("await session.close()")


def test_a_restarted_kernel_goes_on_with_its_journal(notebook: FrontEnd, tmp_path: Path) -> None:
    """What the kernel before has paid for is taken up with `resume`, and is on disk once that is awaited."""
    notebook.run('session = await Session(output_dir="clips", journal="shots.db").open()')
    notebook.run('handle = await session.submit(yawn("[seconds 3]"), key="cat")')
    notebook.restart()
    notebook.run(f'{OPEN}\nsession = await Session(output_dir="clips", journal="shots.db").open()')
    cell = notebook.run("[handle] = await session.resume()\n[clip] = await handle\nprint(handle.key, clip.path)")
    assert f"cat {tmp_path / 'clips' / 'cat.mp4'}" in cell.text()
    notebook.run("await session.close()")


def test_wrong_use_is_told_with_its_cure(notebook: FrontEnd, environment: dict[str, str], tmp_path: Path) -> None:
    """One journal for two kernels, or for two sessions of one; a session in another event loop."""
    opening = 'session = await Session(journal="shots.db").open()'
    notebook.run(opening)
    same = notebook.run_to_error(opening)
    assert "another Session of this process" in same.error
    assert "close that one first" in same.error
    with kernel(tmp_path, environment) as other:
        other.run(OPEN)
        assert "another process (pid" in other.run_to_error(opening).error
    elsewhere = """
import asyncio, threading
async def use():
    await session.submit(yawn())
def in_thread():
    try:
        asyncio.run(use())
    except RuntimeError as error:
        print(error)
thread = threading.Thread(target=in_thread); thread.start(); thread.join()
"""
    assert "belongs to the event loop of thread" in notebook.run(elsewhere).text()
    gone = """
def opened():
    return asyncio.run(Session(output_dir=None).open())
def in_thread():
    global lost
    lost = opened()
thread = threading.Thread(target=in_thread); thread.start(); thread.join()
await lost.submit(yawn())
"""
    assert "is no longer running" in notebook.run_to_error(gone).error
    notebook.run("await session.close()")
