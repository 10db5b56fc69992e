"""The emulator: its options, its parts, its start and end."""

import asyncio
import math
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from random import Random
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from attrs import define, field, validators

from cometrunway.emulator._assets import AssetStore
from cometrunway.emulator._callbacks import CallbackPolicy, CallbackSender
from cometrunway.emulator._dialects import DialectName
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._faulting import FaultPicker
from cometrunway.emulator._faults import Fault, FaultOperation, Faults
from cometrunway.emulator._gateway import Gateway, WrongPath
from cometrunway.emulator._keywords import hints_keywords
from cometrunway.emulator._ledger import (
    Creates,
    EmulatedUpload,
    LeakedCredential,
    Ledger,
    LoggedRequest,
    PostedCallback,
)
from cometrunway.emulator._options import ANY_PORT, by_route, loopback, one_of, within
from cometrunway.emulator._origin import Origin
from cometrunway.emulator._refusals import NotExistForm
from cometrunway.emulator._signing import Signer
from cometrunway.emulator._task_maker import Duration, Fate, LogNormal, TaskMaker, as_duration
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._thread import open_in_thread
from cometrunway.emulator._uploads import Bucket, Uploads
from cometrunway.emulator._views import Observer, Progress


@hints_keywords
@define(kw_only=True, eq=False, slots=False)
class Emulator:
    """A server on this machine that behaves like CometAPI's routes and Runway's own; use it with `async with`, once.

    `with Emulator.in_thread(...) as emulator:` runs it for synchronous code.

    It serves the routes of both at `base_url`, below `/runwayml/v1`, `/runway` and `/v1`. It serves real MP4, PNG, MP3
    and WAV files at `asset_url`, and takes uploads at `storage_url`: two more origins, to which no credential may be
    sent. It uses the event loop's clock: on a loop with a virtual clock no time passes. Durations, outcomes and faults
    depend on `seed` only; faults do not change how long tasks take. The ids of tasks and uploads are different in each
    emulator, so that no journal and no session takes a task of another emulator for its own.

    A prompt, or any other short string of the body, can say how its task ends: `[fail SAFETY.INPUT.TEXT]` fails with
    that code, `[cancel]` is cancelled, `[seconds 90]` takes 90 seconds (divided by `speed`), `[stuck]` never ends.
    `next_task` can say this too. The model `no-such-model` is refused as unavailable.

    Args:
        host: A loopback address.
        port: The port of the API; 0 takes any free one.
        asset_port: The port of the asset origin; 0 takes any free one.
        storage_port: The port of the origin that takes uploads; 0 takes any free one.
        api_key: The bearer key that is accepted.
        dialect: The form of answers: `flat` (Runway's own bodies, as in the current documentation), `wrapped` (in the
            gateway's `{code, message, data}`, with the result's URL in `fail_reason`), `wrapped_plus` (its later form,
            with `result_url` and ids such as `task_...`), `bare` (the gateway's row without the upstream body), `duomi`
            (digits as statuses), `kling` or `luma` (the bodies in the documentation of sibling gateways).
        seed: The seed of durations, outcomes and faults.
        repeat_ids: Whether the ids of tasks and uploads depend on `seed` only, too. Then two emulators with one seed
            give the same ids: use it only with a new journal and a new output folder each time.
        speed: The divisor of task durations and of `not_exist_seconds`, above 0; with infinity they are 0.
        duration: Seconds from a task's admission to its end: a distribution, or a fixed number.
        durations: The same for single routes, by the last part of their path, such as `video2video`.
        not_exist_seconds: For so long after its create, a task is answered as `task_not_exist`.
        not_exist_form: The form of this answer, also for unknown ids.
        max_running: How many tasks run at once; the others are THROTTLED. None is no limit.
        failure_rate: The fraction of tasks that fail, 0..1.
        balance: The number of creates that the account can pay for; after them comes `insufficient_user_quota`. None is
            no limit.
        any_model: Whether to accept models, ratios and other values that the API's documentation does not have.
        progress: The progress in polls: `none`, `coarse` (quarters) or `good`.
        faults: The rates of faults.
        asset_lifetime: Seconds for which an output URL is valid; not divided by `speed`.
        upload_lifetime: Seconds for which an uploaded file can be used; not divided by `speed`.
        refresh_urls: Whether each poll signs a new URL. With False all polls repeat the first one, as a gateway does
            that stores the final body.
        callbacks: When to post to `callback_url`: at the task's `end`, on `every` change, or never (`none`). The
            emulator posts only to URLs of this machine.
        wrong_path: The answer to an unknown path: the API's 404 as `json`, a web page as `html`, or a `redirect`.
        log_limit: How many of the last requests `requests` keeps, at least 1.

    Raises:
        ValueError: An option is out of its range; the message names it.
    """

    host: str = field(default="127.0.0.1", validator=loopback)
    port: int = field(default=0, validator=ANY_PORT)
    asset_port: int = field(default=0, validator=ANY_PORT)
    storage_port: int = field(default=0, validator=ANY_PORT)
    api_key: str = field(default="sk-emulator", validator=validators.min_len(1))
    dialect: DialectName = field(default="flat", validator=one_of(DialectName))
    seed: int = 0
    repeat_ids: bool = False
    speed: float = field(default=1.0, validator=within(0.0, math.inf, above=True))
    duration: Duration = field(factory=LogNormal, converter=as_duration)
    durations: Mapping[str, Duration] = field(factory=dict, converter=by_route)
    not_exist_seconds: float = field(default=1.0, validator=within(0.0, math.inf))
    not_exist_form: NotExistForm = field(default="400", validator=one_of(NotExistForm))
    max_running: int | None = field(default=None, validator=validators.optional(within(1, math.inf)))
    failure_rate: float = field(default=0.0, validator=within(0.0, 1.0))
    balance: int | None = field(default=None, validator=validators.optional(within(0, math.inf)))
    any_model: bool = False
    progress: Progress = field(default="good", validator=one_of(Progress))
    faults: Faults = field(factory=Faults, validator=validators.instance_of(Faults))
    asset_lifetime: float = field(default=86_400.0, validator=within(0.0, math.inf, above=True))
    upload_lifetime: float = field(default=86_400.0, validator=within(0.0, math.inf, above=True))
    refresh_urls: bool = True
    callbacks_at: CallbackPolicy = field(default="end", alias="callbacks", validator=one_of(CallbackPolicy))
    wrong_path: WrongPath = field(default="json", validator=one_of(WrongPath))
    log_limit: int = field(default=100_000, validator=within(1, math.inf))

    _master: Random = field(init=False, repr=False)
    _id_mask: int = field(init=False, repr=False)
    _ledger: Ledger = field(init=False, repr=False)
    _picker: FaultPicker = field(init=False, repr=False)
    _fates: deque[Fate] = field(init=False, factory=deque, repr=False)
    _signer: Signer = field(init=False, repr=False)
    _urls: tuple[str, str, str] | None = field(init=False, default=None, repr=False)
    _stack: AsyncExitStack = field(init=False, factory=AsyncExitStack, repr=False)

    def __attrs_post_init__(self) -> None:
        self._master = Random(self.seed)  # noqa: S311  # a simulation wants to be repeated
        self._id_mask = 0 if self.repeat_ids else secrets.randbits(128)
        self._ledger = Ledger(log_limit=self.log_limit, api_key=self.api_key)
        self._picker = FaultPicker(rng=self._offspring(), faults=self.faults)

    @classmethod
    def in_thread(cls, **options: Any) -> AbstractContextManager[Self]:
        """Run an emulator with these options in a thread with its own event loop.

        Its members may be used from any thread. While requests are under way, read copies, such as
        `list(emulator.tasks.values())`.

        Raises:
            ValueError: An option is out of its range.
            OSError: On entering, a port is in use.
        """
        return open_in_thread(cls(**options), name="cometrunway emulator")

    if not TYPE_CHECKING:  # a type checker finds the mistake by itself

        def __enter__(self) -> NoReturn:
            raise TypeError("an Emulator needs `async with`, or `with Emulator.in_thread(...) as emulator:`")

        def __exit__(self, *_: object) -> None:
            """Do nothing: `with` looks for this method before it calls `__enter__`."""

    async def __aenter__(self) -> Self:
        if self._urls is not None:
            raise RuntimeError("this Emulator has run already: build another one")
        async with self._stack:
            await self._open()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def base_url(self) -> str:
        """The API's origin, such as `http://127.0.0.1:40001`."""
        return self._started()[0]

    @property
    def asset_url(self) -> str:
        """The asset origin, such as `http://127.0.0.1:40002`."""
        return self._started()[1]

    @property
    def storage_url(self) -> str:
        """The origin that takes uploads, such as `http://127.0.0.1:40003`."""
        return self._started()[2]

    @property
    def tasks(self) -> Mapping[str, EmulatedTask]:
        """Every task that was created, and is therefore billed, by id, in the order of creation."""
        return MappingProxyType(self._ledger.tasks)

    @property
    def requests(self) -> Sequence[LoggedRequest]:
        """The last `log_limit` requests to all origins, oldest first."""
        return self._ledger.requests

    @property
    def creates(self) -> Creates:
        """The creates that were received. They show whether one was sent or billed twice."""
        return self._ledger.creates

    @property
    def leaked_credentials(self) -> Sequence[LeakedCredential]:
        """The credentials that asset origin or storage were sent: an authorization, a cookie, the key in any place."""
        return self._ledger.leaks

    @property
    def callbacks(self) -> Sequence[PostedCallback]:
        """The callbacks that were posted, with their answers."""
        return self._ledger.callbacks

    @property
    def uploads(self) -> Sequence[EmulatedUpload]:
        """The files that were announced, whether or not they were sent, in the order of their announcements."""
        return list(self._ledger.uploads.values())

    def requests_of(self, operation: str) -> list[LoggedRequest]:
        """The logged requests of an operation: `create`, `poll`, `asset`, `upload`, `storage` or `other`."""
        return [entry for entry in self._ledger.requests if entry.operation == operation]

    def script(self, operation: FaultOperation, *faults: Fault) -> None:
        """Give the next requests of an operation these faults, one each, in this order. Rates do not apply to them.

        `script("create", Fault.drop_after(), Fault.ok())` loses the answer to the next create, and answers the one
        after it normally.
        """
        self._picker.script(operation, faults)

    def scripted(self, operation: FaultOperation) -> int:
        """Return the number of scripted faults of an operation that are still to come."""
        return self._picker.waiting(operation)

    def next_task(
        self,
        *,
        fails: str | None = None,
        cancelled: bool = False,
        seconds: float | None = None,
        progress: float | None = None,
    ) -> None:
        """Say how the next task ends that is created. Each further call applies to one task more.

        What is not given is decided by chance. Words such as `[cancel]` in that task's prompt have no effect.

        Args:
            fails: The failure code that the task ends with, such as `SAFETY.INPUT.TEXT`; see `FAILURES`.
            cancelled: Whether the task is cancelled.
            seconds: How long it takes, divided by `speed`; with `math.inf` it never ends.
            progress: The progress in polls, 0..1. The task then runs at once, without being PENDING.

        Raises:
            ValueError: Both `fails` and `cancelled` are given, or a number is out of its range.
        """
        self._fates.append(Fate.of(fails=fails, cancelled=cancelled, seconds=seconds, progress=progress))

    def expire_assets(self) -> None:
        """Make every output URL of an earlier answer expire. It answers 403 from now on."""
        self._started()
        self._signer.expire()

    def expire_uploads(self) -> None:
        """Let the URI of every file that was uploaded so far be refused from now on."""
        for upload in self._ledger.uploads.values():
            upload.expires_at = 0.0

    async def _open(self) -> None:
        epoch = Epoch(asyncio.get_running_loop())
        self._signer = Signer(
            secret=self._offspring().randbytes(32), epoch=epoch, lifetime=self.asset_lifetime, refresh=self.refresh_urls
        )
        store = AssetStore(ledger=self._ledger, signer=self._signer, epoch=epoch)
        assets = Origin(picker=self._picker, ledger=self._ledger, epoch=epoch, backend=store)
        self._signer.base_url = await assets.open(self.host, self.asset_port)
        self._stack.push_async_callback(assets.close)
        rng = Random(f"uploads {self.seed}")  # noqa: S311  # likewise; beside the others, which are as they were
        uploads = Uploads(rng=rng, id_mask=self._id_mask, lifetime=self.upload_lifetime, ledger=self._ledger)
        storage = Origin(
            picker=self._picker, ledger=self._ledger, epoch=epoch, backend=Bucket(uploads=uploads, epoch=epoch)
        )
        uploads.storage_url = await storage.open(self.host, self.storage_port)
        self._stack.push_async_callback(storage.close)
        callbacks, gateway = self._parts(epoch, uploads)
        self._stack.push_async_callback(callbacks.close)
        api = Origin(picker=self._picker, ledger=self._ledger, epoch=epoch, backend=gateway)
        self._urls = await api.open(self.host, self.port), self._signer.base_url, uploads.storage_url
        self._stack.push_async_callback(api.close)

    def _parts(self, epoch: Epoch, uploads: Uploads) -> tuple[CallbackSender, Gateway]:
        observer = Observer(epoch=epoch, signer=self._signer, progress=self.progress)
        callbacks = CallbackSender(
            policy=self.callbacks_at, dialect=self.dialect, ledger=self._ledger, observer=observer
        )
        gateway = Gateway(
            api_key=self.api_key,
            dialect=self.dialect,
            not_exist_form=self.not_exist_form,
            wrong_path=self.wrong_path,
            balance=self.balance,
            any_model=self.any_model,
            epoch=epoch,
            ledger=self._ledger,
            observer=observer,
            maker=self._task_maker(),
            uploads=uploads,
            rng=self._offspring(),
            on_created=callbacks.follow,
        )
        return callbacks, gateway

    def _task_maker(self) -> TaskMaker:
        return TaskMaker(
            rng=self._offspring(),
            id_mask=self._id_mask,
            duration=self.duration,
            durations=self.durations,
            speed=self.speed,
            not_exist_seconds=self.not_exist_seconds,
            failure_rate=self.failure_rate,
            max_running=self.max_running,
            fates=self._fates,
        )

    def _started(self) -> tuple[str, str, str]:
        if self._urls is None:
            raise RuntimeError("this Emulator does not run yet: enter it with `async with`")
        return self._urls

    def _offspring(self) -> Random:
        return Random(self._master.getrandbits(64))  # noqa: S311  # likewise
