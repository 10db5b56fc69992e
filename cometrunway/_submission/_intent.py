"""Prepares a submission: describes and encodes its request once, and names it."""

import asyncio
import reprlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from attrs import field, frozen

from cometrunway._budget import Budget
from cometrunway._callbacks._expected import ExpectedCallbacks
from cometrunway._callers import Caller
from cometrunway._handle import SubmissionReference
from cometrunway._journal._entry import Entry
from cometrunway._media._inputs import data_uri
from cometrunway._requests._routes import Request
from cometrunway._submission._image_fit import ImageFit
from cometrunway._submission._line import WaitingLimit
from cometrunway._submission._local_files import digests, prepared
from cometrunway._submission._prepared_file import Prepared
from cometrunway._wire._encode import encode, lacks_callback_url
from cometrunway._wire._http import HttpRequest
from cometrunway._wire._identity import describe, identity
from cometrunway._wire._known_models import check_known, check_taken
from cometrunway._wire._media_faults import check_media, refused_media
from cometrunway._wire._provider import Provider
from cometrunway.errors import KeyConflictError

Name = Callable[[str, str], str]
"""Returns the journal key of a submission without a key, from its route and its identity."""
Resubmits = Callable[[Entry], bool]
"""Returns whether a failed or cancelled entry is submitted, and paid for, once more."""


def never(_unsuccessful: Entry) -> bool:
    """Return False: no failed or cancelled entry is submitted again."""
    return False


def checked_resubmits(resubmits: object) -> Resubmits:
    """Return the function; `TypeError` if it is not callable."""
    if not callable(resubmits):
        raise TypeError(
            "resubmit must be a function of one Entry, such as `lambda entry: entry.failure.retryable`, got "
            f"{resubmits!r:.100}"
        )
    return resubmits


def _always() -> bool:
    return True


def unique_name(route: str, _fingerprint: str) -> str:
    """Return a new name for a single submission. A second call makes a second submission, which is paid for again."""
    return f"{route}-{uuid.uuid4().hex[:16]}"  # not from `rng`, which may have the same seed in each process


def content_names() -> Name:
    """Return a function that names the submissions of a batch by their content, and numbers equal contents."""
    seen: Counter[str] = Counter()

    def name(route: str, fingerprint: str) -> str:
        seen[fingerprint] += 1
        return f"{route}-{fingerprint[:16]}-{seen[fingerprint]}"

    return name


@frozen(kw_only=True, eq=False, repr=False)
class Submission:
    """A submission as the caller wants it."""

    request: Request
    key: str | None = None
    """The user's name for it."""
    priority: int = 0
    """Submissions of a higher priority come first."""
    budget: Budget | None = None
    """The budget that it shares with other submissions."""
    name: Name = unique_name
    instead_of: Entry | None = None
    """The entry with the key, if the user has decided to submit it once more."""
    resubmits: Resubmits = never
    is_wanted: Callable[[], bool] = _always
    """Called when its turn comes. With False, it is not sent."""
    limit: WaitingLimit | None = None
    """The limit of waiting submissions; None for a submission of a batch, which is limited otherwise."""
    caller: Caller
    """The line of the program that submits it."""


@frozen(kw_only=True, eq=False)
class Intent:
    """One submission before it is sent."""

    request: Request
    key: str | None
    """None only if there is no journal and the user gave no key."""
    digests: Mapping[Path | bytes, str] = field(repr=False)
    """The digests of the request's local files, as the user gave them."""
    entry: Entry | None
    """The entry for the journal; None if there is neither a journal nor a key."""
    submitted_at: float
    """Wall-clock seconds since 1970."""
    caller: Caller
    """The line of the program that submits it."""
    callback_path: str = field(repr=False)
    """The path of its callbacks; empty if the session expects none."""
    priority: int

    @property
    def reference(self) -> SubmissionReference:
        """The subject of its events and log records until there is a task."""
        return SubmissionReference(request=self.request, key=self.key, begun_at=self.submitted_at)


@frozen(kw_only=True, eq=False)
class Message:
    """An encoded create."""

    request: HttpRequest = field(repr=False)
    files: Prepared = field(repr=False)
    """The local files of the request."""
    used_until: float
    """The time until which it may be sent, because its uploads expire: wall-clock seconds since 1970, or infinity."""


@frozen(kw_only=True, eq=False, repr=False)
class Preparation:
    """Prepares the submissions of one session."""

    provider: Provider
    callbacks: ExpectedCallbacks
    api_host: str
    """The host of its API."""
    strict: bool
    """Whether an unknown value or a doubtful medium is an error."""
    image_fit: ImageFit
    """Changes local images that do not fit."""
    is_recorded: bool
    """Whether submissions without a key are described and named, too, for a journal."""

    async def intent(self, submission: Submission) -> Intent:
        """Describe and name the request, in a thread if it has local files.

        Raises:
            ValueError: the provider does not accept it, a value is unknown and `strict` is True, or a local file can no
                longer be read.
        """
        if submission.request.local_files:
            return await asyncio.to_thread(self._intent, submission)
        return self._intent(submission)

    def _intent(self, submission: Submission) -> Intent:
        request, key = submission.request, submission.key
        self._check(submission)
        files = digests(request)
        entry, path, now = None, "", time.time()
        if self.is_recorded or key is not None:
            description = describe(request, provider=self.provider.name, digest_of=files.__getitem__)
            digest = identity(description)
            key = key or submission.name(request.route, digest)
            entry = Entry(key=key, route=request.route, fingerprint=digest, request=description, submitted_at=now)
        if lacks_callback_url(request):
            path = self.callbacks.path(unique_name(request.route, "") if entry is None else entry.key, now)
        return Intent(
            request=request,
            key=key,
            digests=files,
            entry=entry,
            submitted_at=now,
            caller=submission.caller,
            callback_path=path,
            priority=submission.priority,
        )

    def _check(self, submission: Submission) -> None:
        """Check the fields of a request; if they are refused, say what is wrong with its media, too."""
        request = submission.request
        try:
            check_taken(request, self.provider)
            check_known(request, self.provider, strict=self.strict, caller=submission.caller)
        except ValueError as error:
            fit = self.image_fit.fit
            media = refused_media(request, self.provider, api_host=self.api_host, fit=fit, strict=self.strict)
            raise ValueError("\n".join([str(error), *media])) from None

    async def files(self, intent: Intent) -> Prepared:
        """Check the media of a request and prepare its local files, in a thread if it has any.

        Raises:
            ValueError: the provider refuses a medium, a medium is doubtful and `strict` is True, a local file has
                changed since the request was made, or it cannot be made to fit.
        """
        return await asyncio.to_thread(self._files, intent) if intent.digests else self._files(intent)

    def _files(self, intent: Intent) -> Prepared:
        request, fit = intent.request, self.image_fit.fit
        check_media(request, self.provider, api_host=self.api_host, fit=fit, strict=self.strict, caller=intent.caller)
        return prepared(request, self.provider, digests=intent.digests, image_fit=self.image_fit)

    async def message(self, intent: Intent, files: Prepared, uploads: Mapping[Path | bytes, str]) -> HttpRequest:
        """Encode the create, in a thread if it has local files.

        If callbacks are expected, a request that lacks a `callback_url` gets one.

        Args:
            intent: the submission.
            files: its local files.
            uploads: the URIs of the uploaded files.

        Raises:
            ValueError: a local file has changed.
        """

        def uri_of(source: Path | bytes) -> str:
            return uploads.get(source) or data_uri(files[source].sent.source)

        callback_url = self.callbacks.url(intent.callback_path)
        encoded = partial(encode, intent.request, self.provider, uri_of=uri_of, callback_url=callback_url)
        return await asyncio.to_thread(encoded) if files else encoded()


def check_same(standing: Entry, wanted: Entry, *, owner: str = "in the journal") -> None:
    """Check that the request that has a key is the submitted request; else `KeyConflictError`."""
    if standing.fingerprint == wanted.fingerprint:
        return
    if standing.is_pruned:
        raise KeyConflictError(
            f"the key {standing.key!r} belongs to another request {owner} (which was pruned: only its digest is "
            "left); nothing was sent. Use another key, or the original request"
        ).about(route=wanted.route, key=wanted.key)
    names = sorted({*standing.request, *wanted.request})
    differences = "; ".join(
        f"{name}: {reprlib.repr(standing.request.get(name))} there, {reprlib.repr(wanted.request.get(name))} now"
        for name in names
        if standing.request.get(name) != wanted.request.get(name)
    )
    raise KeyConflictError(
        f"the key {standing.key!r} belongs to another request {owner} ({differences}); nothing was sent. Use "
        "another key, or the original request"
    ).about(route=wanted.route, key=wanted.key)
