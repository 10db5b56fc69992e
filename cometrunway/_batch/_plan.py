"""What a batch would send, without sending it."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from cometrunway._batch._files import BatchFile, BatchFileError
from cometrunway._batch._problems import Problems
from cometrunway._journal._entry import Entry
from cometrunway._media._urls import is_data_url, shown
from cometrunway._requests._shot import Shot
from cometrunway._wire._encode import encode
from cometrunway._wire._identity import describe, identity

_CONFLICT = (
    "stands for another request in the journal ({}); give the shot another key (without one it is named after its "
    "line), or the request as it was; nothing was sent"
)


def planned(shots: Iterable[Shot]) -> Iterator[dict[str, Any]]:
    """Yield for each shot its key, route and path, and the body of its create, with data URIs told in a few words.

    Raises:
        ValueError: a local file is no longer what it was.
    """
    for shot in shots:
        message = encode(shot.request)
        body = _shortened(json.loads(message.body or b"{}"))
        yield {"key": shot.key, "route": shot.request.route, "path": message.path, "body": body}


def totals(shots: Collection[Shot]) -> str:
    """Return how many shots there are, and how many of each route."""
    routes = Counter(shot.request.route for shot in shots)
    of_each = ", ".join(f"{count:,} {route}" for route, count in sorted(routes.items()))
    return f"{len(shots):,} shots: {of_each}" if shots else "no shots"


def check_conflicts(shots: Iterable[Shot], known: Mapping[str, Entry], batch: BatchFile) -> None:
    """Make sure that no key stands for one request in the file and for another in the journal.

    Raises:
        BatchFileError: some do; has a line for each difference, with the count of the shots that have it.
        ValueError: a local file is no longer what it was.
    """
    conflicts = Problems(batch.name)
    for shot in shots:
        if shot.key not in known:
            continue
        description = describe(shot.request)
        if known[shot.key].fingerprint != identity(description):
            differing, told = _difference(known[shot.key].request, description)
            conflicts.add(batch.lines[shot.key], f"{shot.key}: {_CONFLICT.format(told)}", cause=differing)
    if conflicts:
        raise BatchFileError(str(conflicts))


def _difference(there: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of the fields that differ, and how they do."""
    names = [name for name in {**there, **now} if there.get(name) != now.get(name)]
    told = "; ".join(f"{name}: {shown(there.get(name))} there, {shown(now.get(name))} here" for name in names)
    return ", ".join(names), told or "written by another version"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return shown(value) if isinstance(value, str) and is_data_url(value) else value
