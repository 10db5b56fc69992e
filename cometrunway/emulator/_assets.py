"""The second origin: it serves the files of tasks at signed URLs, with ranges, and needs no credential."""

import re
from email.utils import format_datetime
from http import HTTPStatus

from attrs import evolve, frozen

from cometrunway.emulator._clip import File, picture, sound, video
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._exchange import Answer, Operation, Received
from cometrunway.emulator._faults import Fault
from cometrunway.emulator._ledger import Ledger
from cometrunway.emulator._refusals import xml_refusal
from cometrunway.emulator._signing import Signer
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._views import output_names

_MOMENTS = {"poster.png": 0.0, "last_frame.png": 0.95}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@frozen(kw_only=True)
class AssetStore:
    """Answers for the asset origin."""

    name = "asset"
    ledger: Ledger
    signer: Signer
    epoch: Epoch

    def sort(self, _received: Received) -> tuple[Operation, str]:
        """Everything here is an asset."""
        return "asset", ""

    def answer(self, received: Received) -> Answer:
        """A file, a part of it, or an error, as a content delivery network answers."""
        if received.method not in {"GET", "HEAD"}:
            return _xml(405)
        task, file = self._find(received.path)
        if task is None or file is None:
            return _xml(404)
        if not self.signer.accepts(received.path, received.query):
            return evolve(_xml(403), task_id=task.id)
        modified = format_datetime(self.epoch.at(task.completed_at).replace(microsecond=0), usegmt=True)
        return evolve(_partial(received, file, modified), task_id=task.id)

    def excuse(self, fault: Fault, _received: Received) -> Answer:
        """The answer to a fault that has only a status."""
        return _xml(fault.status or 403)

    def _find(self, path: str) -> tuple[EmulatedTask | None, File | None]:
        task_id, _, name = path.strip("/").partition("/")
        task = self.ledger.tasks.get(task_id)
        if task is None or task.status_at(self.epoch.now()) != "SUCCEEDED":
            return None, None
        return task, _file(task, name)


def _file(task: EmulatedTask, name: str) -> File | None:
    is_output = name in output_names(task)
    if is_output and task.media == "audio":
        return sound(task.suffix, tint=task.tint, mark=f"{task.id} {name}")
    if is_output and task.media == "video":
        return video(task.ratio, tint=task.tint, mark=task.id if name == "output.mp4" else f"{task.id} {name}")
    if is_output or name in _MOMENTS:
        return picture(task.ratio, tint=task.tint, mark=f"{task.id} {name}", moment=_MOMENTS.get(name, 0.0))
    return None


def _partial(received: Received, file: File, modified: str) -> Answer:
    size = len(file.content)
    headers = (("ETag", file.etag), ("Last-Modified", modified), ("Accept-Ranges", "bytes"))
    whole = Answer(status=200, body=file.content, media_type=file.media_type, headers=headers)
    wanted = _RANGE.fullmatch(received.headers.get("range", ""))
    if wanted is None or received.headers.get("if-range", file.etag) not in {file.etag, modified}:
        return whole
    start, end = _bounds(wanted[1], wanted[2], size)
    if start >= end:
        return evolve(_xml(416), headers=(("Content-Range", f"bytes */{size}"),))
    part = (("Content-Range", f"bytes {start}-{end - 1}/{size}"),)
    return evolve(whole, status=206, body=file.content[start:end], headers=headers + part)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and end of a range; empty if it cannot be satisfied."""
    if first:
        return int(first), min(int(last) + 1, size) if last else size
    return (max(0, size - int(last)), size) if last else (0, 0)


def _xml(status: int) -> Answer:
    return xml_refusal(status, "AccessDenied" if status == 403 else HTTPStatus(status).phrase.replace(" ", ""))
