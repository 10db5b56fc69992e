"""What a batch would send, without sending it."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from cometrunway._batch._files import BatchFile, BatchFileError
from cometrunway._batch._problems import Problems
from cometrunway._media._urls import is_data_url, shown
from cometrunway._requests._shot import Shot
from cometrunway._wire._encode import check_taken, encode
from cometrunway._wire._provider import Provider


def planned(shots: Iterable[Shot], provider: Provider) -> Iterator[dict[str, Any]]:
    """Yield for each shot its key, route and path, and the body of its create, with data URIs told in a few words.

    Raises:
        ValueError: the provider does not take it, or a local file is no longer what it was.
    """
    for shot in shots:
        message = encode(shot.request, provider)
        body = _shortened(json.loads(message.body or b"{}"))
        yield {"key": shot.key, "route": shot.request.route, "path": message.path, "body": body}


def totals(shots: Collection[Shot]) -> str:
    """Return how many shots there are, and how many of each route."""
    routes = Counter(shot.request.route for shot in shots)
    of_each = ", ".join(f"{count:,} {route}" for route, count in sorted(routes.items()))
    return f"{len(shots):,} shots: {of_each}" if shots else "no shots"


def check_provider(file: BatchFile, provider: Provider) -> None:
    """Make sure that the provider takes each shot of a file.

    Raises:
        BatchFileError: it does not take some; has a line for each cause, with the count of the shots that have it.
    """
    problems = Problems(file.name)
    for shot in file.shots:
        try:
            check_taken(shot.request, provider)
        except ValueError as error:
            problems.add(file.lines[shot.key], str(error))
    if problems:
        raise BatchFileError(str(problems))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return shown(value) if isinstance(value, str) and is_data_url(value) else value
