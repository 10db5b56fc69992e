"""A real kernel, and a front end as notebooks have it: an update takes the place of what it updates."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

PATIENCE = 60.0


@define
class Cell:
    """One cell that runs or has run, and what it shows by now."""

    request: str
    """The id of the message that runs it."""
    outputs: list[dict[str, Any]] = field(factory=list)
    error: str = ""
    updates: int = 0
    """How often one of its displays was updated."""
    is_over: bool = False

    def text(self) -> str:
        """Return all that it shows as text."""
        return "\n".join(output.get("text/plain", "") for output in self.outputs)

    def html(self) -> str:
        """Return all that it shows as HTML."""
        return "\n".join(output.get("text/html", "") for output in self.outputs)


class FrontEnd:
    """Runs cells in a kernel, one after the other."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._cells: dict[str, Cell] = {}
        self._displays: dict[str, tuple[Cell, int]] = {}
        self._connect()

    def run(self, code: str) -> Cell:
        """Run a cell to its end; an error of it is an error of the test."""
        cell = self.run_to_error(code)
        assert not cell.error, cell.error
        return cell

    def run_to_error(self, code: str) -> Cell:
        """Run a cell to its end, however it ends."""
        cell = self.start(code)
        self.until(lambda: cell.is_over)
        return cell

    def start(self, code: str) -> Cell:
        """Begin to run a cell."""
        cell = Cell(self._client.execute(code))
        self._cells[cell.request] = cell
        return cell

    def until(self, condition: Any) -> None:
        """Take in what the kernel sends until something holds."""
        while not condition():
            self._take(self._client.get_iopub_msg(timeout=PATIENCE))

    def interrupt(self) -> None:
        """Press the button with the square."""
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        """Restart the kernel, which forgets everything."""
        self._client.stop_channels()
        self._manager.restart_kernel()
        self._connect()

    def close(self) -> None:
        """Leave the kernel to who started it."""
        self._client.stop_channels()

    def _connect(self) -> None:
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)

    def _take(self, message: Mapping[str, Any]) -> None:
        content = message["content"]
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        match message["msg_type"]:
            case "update_display_data":
                shown_in, place = self._displays[content["transient"]["display_id"]]
                shown_in.outputs[place] = content["data"]
                shown_in.updates += 1
            case "display_data" | "execute_result" if cell:
                cell.outputs.append(content["data"])
                display_id = content.get("transient", {}).get("display_id")
                if display_id:
                    self._displays[display_id] = cell, len(cell.outputs) - 1
            case "stream" if cell:
                cell.outputs.append({"text/plain": content["text"]})
            case "error" if cell:
                cell.error = "\n".join(content["traceback"])
            case "status" if cell and content["execution_state"] == "idle":
                cell.is_over = True


@contextmanager
def kernel(folder: Path, environment: Mapping[str, str], **options: Any) -> Iterator[FrontEnd]:
    """Start a kernel in a folder, with a front end; end it as a front end does."""
    manager = pytest.importorskip("jupyter_client.manager").KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env=dict(environment), **options)
    front_end = FrontEnd(manager)
    try:
        yield front_end
    finally:
        front_end.close()
        manager.shutdown_kernel()
