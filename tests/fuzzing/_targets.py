"""What is fuzzed: each target takes any bytes, and raises only what is a finding."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from cometrunway._batch._files import BatchFileError, read_batch
from cometrunway._media._containers import _CHECKS, is_whole
from cometrunway._media._kinds import recognise, sniff
from cometrunway._wire._decode import decode_callback, decode_created, decode_task
from cometrunway._wire._explain import explain
from cometrunway._wire._http import HttpResponse
from cometrunway._wire._sent import Sent
from cometrunway.errors import CometRunwayError
from tests.answers import ANSWERS
from tests.samples import MP4, PNG, WAV, yawn

_STATUSES = (200, 200, 201, 400, 401, 403, 404, 422, 429, 500, 502, 503)
_SENT = Sent(yawn(), "video")
_MEDIA_TYPES = sorted(_CHECKS)
_SUFFIXES = (".jsonl", ".json", ".csv", "")


@frozen
class Target:
    """Something that reads foreign bytes, and samples of them."""

    feed: Callable[[bytes], object]
    samples: Iterable[bytes]


def answers(data: bytes) -> None:
    """Decode an answer to a create and to a poll, and a callback; the first byte chooses the status."""
    response = HttpResponse(status=_STATUSES[data[0] % len(_STATUSES)] if data else 200, headers={}, body=data[1:])
    for decode in (
        lambda: decode_task(response, task_id="t-1", sent=_SENT),
        lambda: decode_created(response),
        lambda: decode_callback(response.body),
    ):
        with suppress(CometRunwayError):
            decode()
    explain(response, task_id="t-1", sent=_SENT)


def containers(data: bytes) -> None:
    """Recognise a file, and check its end as that of each media type."""
    sniff(data)
    recognise(data)
    for media_type in _MEDIA_TYPES:
        is_whole(BytesIO(data), media_type)


def batch_files(data: bytes) -> None:
    """Read a batch file; the first byte chooses its suffix."""
    with TemporaryDirectory() as folder, suppress(BatchFileError):
        path = Path(folder, f"shots{_SUFFIXES[data[0] % len(_SUFFIXES)] if data else ''}")
        path.write_bytes(data[1:])
        read_batch(path)


_BATCHES = (
    b'\0{"route": "image_to_video", "prompt_image": "https://example.com/cat.jpg", "key": "cat"}\n',
    b'\1[{"route": "text_to_image", "prompt_text": "a boat", "ratio": "1280:720"}]',
    "\2route;key;prompt_image;prompt_text\nimage_to_video;Bär;https://example.com/cat.jpg;läuft\n".encode(),
)
TARGETS = {
    "answers": Target(answers, [bytes([status]) + body for status, (_, body) in enumerate(ANSWERS.values())]),
    "containers": Target(containers, [PNG, MP4, WAV]),
    "batch-files": Target(batch_files, _BATCHES),
}
