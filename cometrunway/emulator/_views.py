"""The state of a task at a moment, before a dialect words it."""

import math
from typing import Literal

from attrs import frozen

from cometrunway.emulator._dialects import View
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._signing import Signer
from cometrunway.emulator._tasks import EmulatedTask

Progress = Literal["none", "coarse", "good"]
"""The progress in polls: none, quarters, or three digits."""


@frozen(kw_only=True)
class Observer:
    """Makes views of tasks."""

    epoch: Epoch
    signer: Signer
    progress: Progress

    def view(self, task: EmulatedTask, moment: float) -> View:
        """The task as it is at a moment."""
        status = task.status_at(moment)
        return View(
            task=task,
            status=status,
            waiting=task.waiting_at(moment),
            progress=self._admitted(task.progress_at(moment)),
            created=self.epoch.at(task.created_at),
            started=self.epoch.at(task.started_at) if moment >= task.started_at else None,
            finished=self.epoch.at(task.completed_at) if moment >= task.completed_at else None,
            updated=self.epoch.at(min(moment, task.completed_at)),
            sign=lambda name: self.signer.url(task, name),
            outputs=tuple(self.signer.url(task, name) for name in output_names(task)) if status == "SUCCEEDED" else (),
        )

    def _admitted(self, progress: float) -> float | None:
        if self.progress == "none":
            return None
        return math.floor(progress * 4) / 4 if self.progress == "coarse" else round(progress, 3)


def output_names(task: EmulatedTask) -> list[str]:
    """The file names of a task's outputs, in their order."""
    first = f"output{task.suffix}"
    return [first, *(f"output-{number}{task.suffix}" for number in range(2, task.file_count + 1))]
