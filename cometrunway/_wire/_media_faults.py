"""Checks the media of a request before they are sent. Some are certainly refused, others are doubtful."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from attrs import evolve

from cometrunway._callers import Caller
from cometrunway._media._image_limits import Fault, Fit
from cometrunway._media._inputs import LocalFile
from cometrunway._media._urls import is_data_url, shown
from cometrunway._requests._routes import Request, media_urls
from cometrunway._wire._file_limits import is_uploaded
from cometrunway._wire._known_media import data_url_faults, image_faults, image_limits, url_faults
from cometrunway._wire._provider import Provider
from cometrunway.errors import MediaWarning

_CURE = 'Session(fit="shrink") makes it fit'


def check_media(
    request: Request, provider: Provider, *, api_host: str, fit: Fit | None, strict: bool, caller: Caller | None = None
) -> None:
    """Raise for media that the provider certainly refuses, and emit a `MediaWarning` for doubtful media.

    Reads the headers of local images: call it in a thread if there are local images.

    Args:
        request: the request with the media.
        provider: the provider that receives the request.
        api_host: the host of its API. If it is on this machine or a private network, URLs may also be there.
        fit: how local images are changed.
        strict: whether doubtful media are an error.
        caller: the line that a warning names.

    Raises:
        ValueError: media are refused. The message has a line for each fault, with the medium and the cure.
    """
    found = list(media_faults(request, provider, api_host=api_host, fit=fit))
    if refused := list(_refused(found, strict=strict)):
        raise ValueError("\n".join(refused))
    for message, _ in found:
        (caller or Caller.nearest()).warn(f"{message}; it is sent as it is", MediaWarning)


def refused_media(request: Request, provider: Provider, *, api_host: str, fit: Fit | None, strict: bool) -> list[str]:
    """Return the messages of the media for which `check_media` raises."""
    return list(_refused(media_faults(request, provider, api_host=api_host, fit=fit), strict=strict))


def _refused(found: Iterable[tuple[str, Fault]], *, strict: bool) -> Iterator[str]:
    for message, fault in found:
        if fault.is_sure:
            yield message
        elif strict:
            yield f"{message}; strict sends nothing that is doubtful"


def media_faults(
    request: Request, provider: Provider, *, api_host: str, fit: Fit | None
) -> Iterator[tuple[str, Fault]]:
    """Yield a message for each fault of a request's media, except the faults that `fit` cures.

    Raises:
        ValueError: a local file has changed since the request was made.
    """
    name, model = type(request).__name__, getattr(request, "model", "")
    for source in dict.fromkeys(request.local_files):
        try:
            faults = list(_file_faults(source, provider, request.route, model))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        for fault in faults:
            if fit is None or not fault.is_curable:
                cure = f"; {_CURE}" if fault.is_curable else ""
                yield f"{name}: {fault.reason}{cure}", fault
    for url in media_urls(request):
        of_data, of_url = partial(data_url_faults, url), partial(url_faults, url, api_host=api_host)
        judge = of_data if is_data_url(url) else of_url
        for fault in judge(provider, request.route, model):
            yield f"{name}: {shown(url)} {fault.reason}", fault


def _file_faults(source: Path | bytes, provider: Provider, route: str, model: str) -> Iterator[Fault]:
    """Yield the faults of a local file. Each text names the file."""
    file = LocalFile.of(source)
    for fault in image_faults(file, image_limits(provider, route, model)):
        yield evolve(fault, reason=f"local file {shown(source)} {fault.reason}")
    try:
        is_uploaded(file, route=route, provider=provider)
    except ValueError as error:
        yield Fault(str(error), is_sure=True, is_curable=file.kind == "image")
