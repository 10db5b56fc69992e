"""The emulator: its options, its parts, its life."""

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from random import Random
from types import MappingProxyType, TracebackType
from typing import Any, Self

from attrs import define, field, validators

from cometrunway.emulator._assets import AssetStore
from cometrunway.emulator._callbacks import CallbackPolicy, Courier
from cometrunway.emulator._dialects import DialectName
from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._faulting import FaultPicker
from cometrunway.emulator._faults import Fault, FaultOperation, Faults
from cometrunway.emulator._gateway import Gateway, WrongPath
from cometrunway.emulator._ledger import Creates, LeakedCredential, Ledger, LoggedRequest, PostedCallback
from cometrunway.emulator._options import ANY_PORT, by_route, loopback, one_of, within
from cometrunway.emulator._origin import Origin
from cometrunway.emulator._refusals import NotExistForm
from cometrunway.emulator._signing import Signer
from cometrunway.emulator._task_maker import Duration, Fate, LogNormal, TaskMaker, as_duration
from cometrunway.emulator._tasks import EmulatedTask
from cometrunway.emulator._thread import open_in_thread
from cometrunway.emulator._views import Observer, Progress


@define(kw_only=True, eq=False, slots=False)
class Emulator:
    """A server on this machine that behaves like CometAPI's routes and Runway's own; use it with `async with`, once.

    `with Emulator.in_thread(...) as emulator:` runs it for synchronous code.

    It serves the routes of both at `base_url`, below `/runwayml/v1`, `/runway` and `/v1`, and real MP4, PNG, MP3 and
    WAV files at `asset_url`, another origin that must never see a credential. Time is the event loop's: a loop with a
    virtual clock makes it a simulation. Everything random comes from `seed`; faults do not change how long tasks take.

    A prompt, or any other short string of a body, can decide a task's fate: `[fail SAFETY.INPUT.TEXT]` fails with that
    code, `[cancel]` is cancelled, `[seconds 90]` takes that long (divided by `speed`), `[stuck]` never ends. So does
    `next_task`. The model `no-such-model` is refused as unavailable.

    Args:
        host: A loopback address.
        port: Of the API, 0 for any free one.
        asset_port: Of the asset origin, 0 for any free one.
        api_key: The bearer key that is accepted.
        dialect: How answers are worded: `flat` (Runway's own bodies, as the current pages show), `wrapped` (in the
            gateway's `{code, message, data}`, the result's URL in `fail_reason`), `wrapped_plus` (its later form, with
            `result_url` and ids such as `task_...`), `bare` (the gateway's row alone, without upstream body), `duomi`
            (status digits), `kling` or `luma` (the bodies that sibling gateways' pages show).
        seed: Of all randomness.
        speed: What task durations and `not_exist_seconds` are divided by, above 0; infinite makes them 0.
        duration: Seconds from a task's admission to its end: a distribution, or a fixed number.
        durations: The same for single routes, by the last part of their path, such as `video2video`.
        not_exist_seconds: How long after its creation a task is answered as `task_not_exist`.
        not_exist_form: That answer's wire form; unknown ids get it as well.
        max_running: How many tasks run at once, the others being THROTTLED; None means all.
        failure_rate: Part of the tasks that fail, 0..1.
        balance: How many creations are paid for until `insufficient_user_quota`; None means endless.
        any_model: Whether models, ratios and other values are accepted that the API's documentation does not have.
        progress: What polls say of progress: `none`, `coarse` (quarters) or `good`.
        faults: How often what goes wrong.
        asset_lifetime: Seconds that an output URL is good for; not divided by `speed`.
        refresh_urls: Whether each poll signs a fresh URL, or all repeat the first one, as gateways may that store the
            final body.
        callbacks: Whether `callback_url` is posted to at the task's `end`, on `every` change, or never (`none`). Only
            URLs of this machine are ever contacted.
        wrong_path: What an unknown path answers: the API's 404 as `json`, a web page as `html`, or a `redirect`.
        log_limit: How many of the last requests `requests` holds, at least 1.

    Raises:
        ValueError: An option is out of its range; the message names it.
    """

    host: str = field(default="127.0.0.1", validator=loopback)
    port: int = field(default=0, validator=ANY_PORT)
    asset_port: int = field(default=0, validator=ANY_PORT)
    api_key: str = field(default="sk-emulator", validator=validators.min_len(1))
    dialect: DialectName = field(default="flat", validator=one_of(DialectName))
    seed: int = 0
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
    refresh_urls: bool = True
    callbacks_at: CallbackPolicy = field(default="end", alias="callbacks", validator=one_of(CallbackPolicy))
    wrong_path: WrongPath = field(default="json", validator=one_of(WrongPath))
    log_limit: int = field(default=100_000, validator=within(1, math.inf))

    _master: Random = field(init=False, repr=False)
    _ledger: Ledger = field(init=False, repr=False)
    _picker: FaultPicker = field(init=False, repr=False)
    _fates: deque[Fate] = field(init=False, factory=deque, repr=False)
    _signer: Signer = field(init=False, repr=False)
    _urls: tuple[str, str] | None = field(init=False, default=None, repr=False)
    _stack: AsyncExitStack = field(init=False, factory=AsyncExitStack, repr=False)

    def __attrs_post_init__(self) -> None:
        self._master = Random(self.seed)  # noqa: S311  # a simulation wants to be repeated
        self._ledger = Ledger(log_limit=self.log_limit, api_key=self.api_key)
        self._picker = FaultPicker(rng=self._offspring(), faults=self.faults)

    @classmethod
    def in_thread(cls, **options: Any) -> AbstractContextManager[Self]:
        """Run an emulator with these options in a thread, on an event loop of its own.

        Its members may be used from any thread. While requests are under way, read copies, such as
        `list(emulator.tasks.values())`.

        Raises:
            ValueError: An option is out of its range.
            OSError: On entering, a port is taken.
        """
        return open_in_thread(cls(**options), name="cometrunway emulator")

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
    def tasks(self) -> Mapping[str, EmulatedTask]:
        """Every task that was created, hence billed, by id, in the order of creation."""
        return MappingProxyType(self._ledger.tasks)

    @property
    def requests(self) -> Sequence[LoggedRequest]:
        """The last `log_limit` requests to both origins, oldest first."""
        return self._ledger.requests

    @property
    def creates(self) -> Creates:
        """What tells whether a create was sent, or billed, twice."""
        return self._ledger.creates

    @property
    def leaked_credentials(self) -> Sequence[LeakedCredential]:
        """What the asset origin was sent and must not be: an authorization, a cookie, or the key anywhere."""
        return self._ledger.leaks

    @property
    def callbacks(self) -> Sequence[PostedCallback]:
        """The callbacks that were posted, and what they were answered."""
        return self._ledger.callbacks

    def requests_of(self, operation: str) -> list[LoggedRequest]:
        """The logged requests of an operation: `create`, `poll`, `asset` or `other`."""
        return [entry for entry in self._ledger.requests if entry.operation == operation]

    def script(self, operation: FaultOperation, *faults: Fault) -> None:
        """Let the next requests of an operation meet these faults, one each, in order, before any rate applies.

        `script("create", Fault.drop_after(), Fault.ok())` loses the answer of the next create and leaves the one after
        alone.
        """
        self._picker.script(operation, faults)

    def scripted(self, operation: FaultOperation) -> int:
        """How many scripted faults of an operation have not struck yet."""
        return self._picker.waiting(operation)

    def next_task(
        self,
        *,
        fails: str | None = None,
        cancelled: bool = False,
        seconds: float | None = None,
        progress: float | None = None,
    ) -> None:
        """Decide the fate of the next task that is created; each further call decides that of one task more.

        Chance decides what is not given. The words of that task's prompt decide nothing.

        Args:
            fails: The failure code that the task ends with, such as `SAFETY.INPUT.TEXT`; see `FAILURES`.
            cancelled: Whether the task ends cancelled.
            seconds: How long it takes, divided by `speed`; `math.inf` never ends.
            progress: What polls say of its progress, 0..1; it then runs from its creation on, without being PENDING.

        Raises:
            ValueError: It cannot both fail and be cancelled; or a number is out of its range.
        """
        self._fates.append(Fate.of(fails=fails, cancelled=cancelled, seconds=seconds, progress=progress))

    def expire_assets(self) -> None:
        """Let every output URL that was handed out so far answer 403 from now on."""
        self._started()
        self._signer.expire()

    async def _open(self) -> None:
        epoch = Epoch(asyncio.get_running_loop())
        self._signer = Signer(
            secret=self._offspring().randbytes(32), epoch=epoch, lifetime=self.asset_lifetime, refresh=self.refresh_urls
        )
        store = AssetStore(ledger=self._ledger, signer=self._signer, epoch=epoch)
        assets = Origin(picker=self._picker, ledger=self._ledger, epoch=epoch, backend=store)
        self._signer.base_url = await assets.open(self.host, self.asset_port)
        self._stack.push_async_callback(assets.close)
        courier, gateway = self._staff(epoch)
        self._stack.push_async_callback(courier.close)
        api = Origin(picker=self._picker, ledger=self._ledger, epoch=epoch, backend=gateway)
        self._urls = await api.open(self.host, self.port), self._signer.base_url
        self._stack.push_async_callback(api.close)

    def _staff(self, epoch: Epoch) -> tuple[Courier, Gateway]:
        observer = Observer(epoch=epoch, signer=self._signer, progress=self.progress)
        courier = Courier(policy=self.callbacks_at, dialect=self.dialect, ledger=self._ledger, observer=observer)
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
            rng=self._offspring(),
            on_created=courier.follow,
        )
        return courier, gateway

    def _task_maker(self) -> TaskMaker:
        return TaskMaker(
            rng=self._offspring(),
            duration=self.duration,
            durations=self.durations,
            speed=self.speed,
            not_exist_seconds=self.not_exist_seconds,
            failure_rate=self.failure_rate,
            max_running=self.max_running,
            fates=self._fates,
        )

    def _started(self) -> tuple[str, str]:
        if self._urls is None:
            raise RuntimeError("this Emulator does not run yet: enter it with `async with`")
        return self._urls

    def _offspring(self) -> Random:
        return Random(self._master.getrandbits(64))  # noqa: S311  # likewise
