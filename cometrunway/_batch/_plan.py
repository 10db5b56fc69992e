"""The requests that a batch would send."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cometrunway._batch._files import BatchFile, BatchFileError
from cometrunway._batch._problems import Problems
from cometrunway._media._image_limits import Fit
from cometrunway._media._inputs import LocalFile, data_uri
from cometrunway._media._urls import is_data_url, shown
from cometrunway._plurals import counted
from cometrunway._requests._routes import Request
from cometrunway._requests._shot import Shot
from cometrunway._submission._local_files import is_unfit
from cometrunway._wire._encode import encode
from cometrunway._wire._file_limits import is_uploaded
from cometrunway._wire._known_models import check_taken, unknown_values
from cometrunway._wire._media_faults import media_faults
from cometrunway._wire._provider import Provider


def planned(shots: Iterable[Shot], provider: Provider, *, fit: Fit | None = None) -> Iterator[dict[str, Any]]:
    """Yield for each shot its key, route and path, and the body of its create. Files are described in a few words.

    Raises:
        ValueError: the provider does not accept it, or a local file has changed.
    """
    for shot in shots:
        message = encode(shot.request, provider, uri_of=partial(_told, shot.request, provider, fit))
        body = _shortened(json.loads(message.body or b"{}"))
        yield {"key": shot.key, "route": shot.request.route, "path": message.path, "body": body}


def totals(shots: Collection[Shot]) -> str:
    """Return how many shots there are, and how many of each route."""
    routes = Counter(shot.request.route for shot in shots)
    of_each = ", ".join(f"{count:,} {route}" for route, count in sorted(routes.items()))
    return f"{counted(len(shots), 'shot')}: {of_each}" if shots else "no shots"


def check_provider(
    file: BatchFile,
    provider: Provider,
    *,
    api_host: str,
    strict: bool,
    fit: Fit | None = None,
    sent_before: Collection[str] = (),
) -> str:
    """Check that the provider accepts each shot of a file; return what is doubtful, one line for each cause.

    Args:
        file: the shots.
        provider: who is to take them.
        api_host: where its API is.
        strict: whether what is doubtful is an error.
        fit: what becomes of local images that do not fit.
        sent_before: the keys of shots that are not sent again, and whose media are not judged.

    Raises:
        BatchFileError: it does not accept a shot, or `strict` is set and a value is not known or a medium is doubtful.
            The message has a line for each cause, with the number of its shots.
    """
    problems, doubtful = Problems(file.name), Problems(file.name)
    for line, message in file.doubts:
        (problems if strict else doubtful).add(line, message)
    for shot in file.shots:
        line = file.lines[shot.key]
        try:
            check_taken(shot.request, provider)
        except ValueError as error:
            for reason in str(error).splitlines():
                problems.add(line, reason)
        try:
            faults = media_faults(shot.request, provider, api_host=api_host, fit=fit)
            for message, fault in () if shot.key in sent_before else faults:
                (problems if fault.is_sure or strict else doubtful).add(line, message)
        except ValueError as error:
            problems.add(line, str(error))
        for message in unknown_values(shot.request, provider):
            (problems if strict else doubtful).add(line, message, cause=message)
    if problems:
        raise BatchFileError(str(problems))
    return str(doubtful)


def _told(request: Request, provider: Provider, fit: Fit | None, source: Path | bytes) -> str:
    """Return the data URI of a local file, or, where it is uploaded or made to fit, what is."""
    file, route = LocalFile.of(source), request.route
    if fit is not None and is_unfit(file, provider, route, getattr(request, "model", "")):
        return f"<what is made of {file.type.media_type}, {file.size} bytes>"
    if is_uploaded(file, route=route, provider=provider):
        return f"<an upload of {file.type.media_type}, {file.size} bytes>"
    return data_uri(source)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return shown(value) if isinstance(value, str) and is_data_url(value) else value
