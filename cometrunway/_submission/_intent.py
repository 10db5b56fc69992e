"""What is about to be submitted: encoded once, described once, and named."""

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
from cometrunway._wire._media_faults import check_media
from cometrunway._wire._provider import Provider
from cometrunway.errors import JournalError

Name = Callable[[str, str], str]
"""Gives a submission without a key its key in the journal, from its route and its identity."""
Resubmits = Callable[[Entry], bool]
"""Tells of an entry that has failed, or was cancelled, whether it is submitted, and paid for, once more."""


def never(_unsuccessful: Entry) -> bool:
    """Submit nothing once more that has failed or was cancelled."""
    return False


def checked_resubmits(resubmits: object) -> Resubmits:
    """Return it; `TypeError` for what cannot be called."""
    if not callable(resubmits):
        raise TypeError(
            "resubmit must be a function of one Entry, such as `lambda entry: entry.failure.retryable`, got "
            f"{resubmits!r:.100}"
        )
    return resubmits


def _always() -> bool:
    return True


def unique_name(route: str, _fingerprint: str) -> str:
    """Name a single submission: made twice, it is a second one, and is paid for twice."""
    return f"{route}-{uuid.uuid4().hex[:16]}"  # not from the session's rng, which may begin alike in each process


def content_names() -> Name:
    """Return what names each submission of one batch after its content, and numbers those of equal content."""
    seen: Counter[str] = Counter()

    def name(route: str, fingerprint: str) -> str:
        seen[fingerprint] += 1
        return f"{route}-{fingerprint[:16]}-{seen[fingerprint]}"

    return name


@frozen(kw_only=True)
class Submission:
    """What the caller wants to be submitted, and how."""

    request: Request
    key: str | None = None
    """The user's name for it."""
    priority: int = 0
    """A higher one goes first."""
    budget: Budget | None = None
    """What it shares with other submissions."""
    name: Name = unique_name
    instead_of: Entry | None = None
    """The entry with the key, if the user has decided to submit it once more."""
    resubmits: Resubmits = never
    is_wanted: Callable[[], bool] = _always
    """Asked as its turn comes."""
    limit: WaitingLimit | None = None
    """How many may wait beside it; None for one of a batch, of which only so many are taken."""


@frozen(kw_only=True)
class Intent:
    """One submission before it is sent."""

    request: Request
    key: str | None
    """None only if there is no journal and the user gave no key."""
    digests: Mapping[Path | bytes, str] = field(repr=False)
    """The digests of the request's local files, as the user gave them."""
    entry: Entry | None
    """What the journal is to record of it; None without a journal."""
    submitted_at: float
    """Wall-clock seconds since 1970."""
    callback_path: str = field(repr=False)
    """Where its callbacks come; empty where the session expects none of it."""
    priority: int

    @property
    def reference(self) -> SubmissionReference:
        """What events and log records about it are about, until there is a task."""
        return SubmissionReference(request=self.request, key=self.key, begun_at=self.submitted_at)


@frozen(kw_only=True)
class Message:
    """A create, encoded."""

    request: HttpRequest = field(repr=False)
    files: Prepared = field(repr=False)
    """The local files of the request."""
    used_until: float
    """Until when it may be sent, for what it says of uploads: wall-clock seconds since 1970, or infinity."""


@frozen(kw_only=True)
class Preparation:
    """What the submissions of one session are prepared with."""

    provider: Provider
    callbacks: ExpectedCallbacks
    api_host: str
    """The host of its API."""
    strict: bool
    """Whether a value that is not known at the provider is an error, or a medium that is doubtful."""
    image_fit: ImageFit
    """What becomes of local images that do not fit."""
    is_recorded: bool
    """Whether submissions are described for a journal, and named."""

    async def intent(self, submission: Submission) -> Intent:
        """Describe the request, and name it; with local files in a thread.

        Raises:
            ValueError: the provider does not take it, a value is not known there, and `strict`, or a local file cannot
                be read any more.
        """
        if submission.request.local_files:
            return await asyncio.to_thread(self._intent, submission)
        return self._intent(submission)

    def _intent(self, submission: Submission) -> Intent:
        request, key = submission.request, submission.key
        check_taken(request, self.provider)
        check_known(request, self.provider, strict=self.strict)
        files = digests(request)
        entry, path, now = None, "", time.time()
        if self.is_recorded:
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
            callback_path=path,
            priority=submission.priority,
        )

    async def files(self, intent: Intent) -> Prepared:
        """Judge the media of what is about to be sent, and prepare its local files; with any in a thread.

        Raises:
            ValueError: a medium is refused at the provider, or doubtful, and `strict`; or a local file is no longer
                what it was when the request was made, or cannot be made to fit.
        """
        return await asyncio.to_thread(self._files, intent) if intent.digests else self._files(intent)

    def _files(self, intent: Intent) -> Prepared:
        request, fit = intent.request, self.image_fit.fit
        check_media(request, self.provider, api_host=self.api_host, fit=fit, strict=self.strict)
        return prepared(request, self.provider, digests=intent.digests, image_fit=self.image_fit)

    async def message(self, intent: Intent, files: Prepared, uploads: Mapping[Path | bytes, str]) -> HttpRequest:
        """Encode the create; with local files in a thread.

        A request that lacks a `callback_url` gets one, where callbacks are expected.

        Args:
            intent: what is about to be sent.
            files: its local files.
            uploads: the URIs of the files that are not sent as data URIs.

        Raises:
            ValueError: a local file is no longer what it was.
        """

        def uri_of(source: Path | bytes) -> str:
            return uploads.get(source) or data_uri(files[source].sent.source)

        callback_url = self.callbacks.url(intent.callback_path)
        encoded = partial(encode, intent.request, self.provider, uri_of=uri_of, callback_url=callback_url)
        return await asyncio.to_thread(encoded) if files else encoded()


def check_same(standing: Entry, wanted: Entry) -> None:
    """Make sure that a key stands for the request that is submitted under it; else `JournalError`."""
    if standing.fingerprint == wanted.fingerprint:
        return
    if standing.is_pruned:
        raise JournalError(
            f"the key {standing.key!r} stands for another request in the journal (which was pruned: only its digest is "
            "left); nothing was sent: use another key, or the request as it was"
        ).about(route=wanted.route, key=wanted.key)
    names = sorted({*standing.request, *wanted.request})
    differences = "; ".join(
        f"{name}: {reprlib.repr(standing.request.get(name))} there, {reprlib.repr(wanted.request.get(name))} now"
        for name in names
        if standing.request.get(name) != wanted.request.get(name)
    )
    raise JournalError(
        f"the key {standing.key!r} stands for another request in the journal ({differences}); nothing was sent: use "
        "another key, or the request as it was"
    ).about(route=wanted.route, key=wanted.key)
