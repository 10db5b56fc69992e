"""Prepares the local files of a request for sending: in the request, or as uploads."""

from collections.abc import Mapping
from pathlib import Path

from cometrunway._media._inputs import LocalFile, check_whole, digest_of
from cometrunway._media._urls import shown
from cometrunway._requests._routes import Request
from cometrunway._submission._image_fit import ImageFit
from cometrunway._submission._prepared_file import Prepared, PreparedFile
from cometrunway._wire._file_limits import is_uploaded, largest_file
from cometrunway._wire._known_media import image_faults, image_limits
from cometrunway._wire._provider import Provider


def digests(request: Request) -> Mapping[Path | bytes, str]:
    """Return the digests of a request's local files. It reads all files: call it in a thread.

    Raises:
        ValueError: a file can no longer be read.
    """
    try:
        return {source: digest_of(source) for source in request.local_files}
    except ValueError as error:
        raise ValueError(f"{type(request).__name__}: {error}") from error


def prepared(
    request: Request, provider: Provider, *, digests: Mapping[Path | bytes, str], image_fit: ImageFit
) -> Prepared:
    """Prepare the local files of a request for a provider. Call it in a thread.

    Args:
        request: the request with the files.
        provider: the provider that receives them.
        digests: the digests of the files.
        image_fit: changes images that do not fit.

    Raises:
        ValueError: a file can no longer be read, is too large for the provider, or cannot be made to fit.
    """
    try:
        return {source: _prepared(source, digest, request, provider, image_fit) for source, digest in digests.items()}
    except ValueError as error:
        raise ValueError(f"{type(request).__name__}: {error}") from error


def _prepared(
    source: Path | bytes, digest: str, request: Request, provider: Provider, image_fit: ImageFit
) -> PreparedFile:
    route, model = request.route, getattr(request, "model", "")
    sent, sent_digest, note = LocalFile.of(source), digest, ""
    if image_fit.fit is not None and is_unfit(sent, provider, route, model):
        limits, most_bytes = image_limits(provider, route, model), largest_file(provider, route, sent.kind)
        made = image_fit.fitted(sent, digest, limits, most_bytes)
        sent, sent_digest, note = made.file, digest_of(made.file.source), made.note
        for fault in image_faults(sent, limits):
            if fault.is_sure:
                raise ValueError(f"local file {shown(source)} cannot be made to fit: it {fault.reason}")
    uploaded = is_uploaded(sent, route=route, provider=provider)
    if uploaded:
        check_whole(sent)
    return PreparedFile(digest=digest, sent=sent, sent_digest=sent_digest, is_uploaded=uploaded, note=note)


def is_unfit(file: LocalFile, provider: Provider, route: str, model: str) -> bool:
    """Whether a file is an image that the provider refuses, or may refuse or misread, and that can be made to fit."""
    if file.kind != "image":
        return False
    most_bytes = largest_file(provider, route, file.kind)
    if most_bytes is not None and file.size > most_bytes:
        return True
    return any(fault.is_curable for fault in image_faults(file, image_limits(provider, route, model)))
