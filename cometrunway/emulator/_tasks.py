"""One emulated task. Its states are fixed when it is created; later the clock alone says which one it is in."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from attrs import define

Status = Literal["THROTTLED", "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
"""A task's state, in Runway's words. The dialects translate it."""

Media = Literal["video", "image", "audio"]
"""The kind of files that a task makes."""

Outcome = Literal["SUCCEEDED", "FAILED", "CANCELLED"]


@define(kw_only=True, eq=False)
class EmulatedTask:
    """A task that was created, and is therefore billed.

    All moments are seconds on the event loop's clock; `math.inf` means never.

    Attributes:
        id: The public id, as in the answer to the create.
        upstream_id: The id in nested upstream bodies. In the dialect `wrapped_plus` it differs from `id`.
        number: How many tasks were created before this one.
        route: The last part of the creation's path, such as `image_to_video` or `video2video`.
        action: The gateway's name for the work, such as `IMAGE_TO_VIDEO`.
        body: The body of the create. Strings of more than 256 characters are shortened.
        digest: SHA-256 of the whole body, in canonical JSON.
        media: The kind of files that the task makes.
        file_count: The number of its files.
        suffix: The suffix of their names, such as `.mp4`.
        ratio: Width and height, as requested.
        tint: The colours of its files, 0..11.
        created_at: When it was created.
        visible_at: Until then polls answer `task_not_exist`.
        admitted_at: Until then the task is THROTTLED.
        started_at: Until then the task is PENDING.
        completed_at: When it ends.
        outcome: How it ends.
        failure: If it fails, the text for people.
        failure_code: If it fails, the code, such as `SAFETY.INPUT.TEXT`.
        callback_url: The URL to which its end is posted.
        fixed_progress: The progress in polls while it runs, 0..1. With None it is the fraction of the running time.
        is_deleted: Whether it was deleted after its end. Polls answer that it does not exist.
        polls: The number of polls that were answered with this task's state.
        end_seen_at: When a poll first saw the end; None before that. Minus `completed_at` it is the client's lag.
    """

    id: str
    upstream_id: str
    number: int
    route: str
    action: str
    body: Mapping[str, Any]
    digest: str
    media: Media
    file_count: int
    suffix: str
    ratio: tuple[int, int]
    tint: int
    created_at: float
    visible_at: float
    admitted_at: float
    started_at: float
    completed_at: float
    outcome: Outcome
    failure: str | None = None
    failure_code: str | None = None
    callback_url: str | None = None
    fixed_progress: float | None = None
    polls: int = 0
    is_deleted: bool = False
    end_seen_at: float | None = None

    @property
    def duration(self) -> float:
        """Seconds from creation to end."""
        return self.completed_at - self.created_at

    @property
    def prompt(self) -> str:
        """The prompt, or an empty string on routes that have none."""
        return str(self.body.get("promptText") or self.body.get("prompt") or "")

    def status_at(self, moment: float) -> Status:
        """Return the state at a moment."""
        if moment >= self.completed_at:
            return self.outcome
        if moment < self.admitted_at:
            return "THROTTLED"
        return "PENDING" if moment < self.started_at else "RUNNING"

    def progress_at(self, moment: float) -> float:
        """Return the fraction of the running time that has passed, 0..1, or the fixed progress."""
        running = self.completed_at - self.started_at
        if self.started_at <= moment < self.completed_at and self.fixed_progress is not None:
            return self.fixed_progress
        if moment >= self.completed_at or not running:
            return 1.0
        return 0.0 if math.isinf(running) else max(0.0, (moment - self.started_at) / running)

    def waiting_at(self, moment: float) -> float:
        """Return the fraction of the time before running that has passed, 0..1."""
        waiting = self.started_at - self.created_at
        return 1.0 if moment >= self.started_at else (moment - self.created_at) / waiting
