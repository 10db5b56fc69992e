"""Faults of the server and the network, and their rates."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from attrs import evolve, field, frozen, validators

from cometrunway.emulator._keywords import hints_keywords
from cometrunway.emulator._refusals import NotExistForm

FaultOperation = Literal["create", "poll", "asset", "upload", "storage"]
"""The operations that can have faults."""
OPERATIONS: tuple[FaultOperation, ...] = get_args(FaultOperation)

_HTML = b"<html>\r\n<head><title>%s</title></head>\r\n<body><center><h1>%s</h1></center><hr>nginx</body>\r\n</html>\r\n"
_PART = [validators.ge(0.0), validators.lt(1.0)]


def _encoded(body: object) -> tuple[bytes | None, str]:
    if body is None:
        return None, "application/json"
    if isinstance(body, bytes | str):
        return body.encode() if isinstance(body, str) else body, "text/html; charset=utf-8"
    return json.dumps(body).encode(), "application/json"


@hints_keywords
@frozen(kw_only=True)
class Fault:
    """A fault of one answer. Make it with one of the class methods. It is a hashable value.

    Attributes:
        name: Its name in logs and in `parse`.
        acts: Whether the request has its effect nevertheless. A create then makes a task, which is billed.
        status: Answer this status instead. If `body` is None, the answer has the dialect's envelope.
        body: Answer these bytes.
        media_type: The content type of `body`.
        headers: Further headers of the answer, as pairs.
        seconds: Wait this long before answering; `math.inf` never answers.
        drops: Close the connection without an answer.
        resets: Close it with a TCP reset.
        keeps: Send only this fraction of the body, at least 0 and less than 1; None sends the whole body.
        framing: With `keeps`, the `Content-Length`: the `full` length, the `short` one, or `none`.
        not_exist: Answer `task_not_exist` in this form; for polls only.
    """

    name: str
    acts: bool = False
    status: int | None = None
    body: bytes | None = field(default=None, repr=False)
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    drops: bool = False
    resets: bool = False
    keeps: float | None = field(default=None, validator=validators.optional(_PART))
    framing: Literal["full", "short", "none"] = "full"
    not_exist: NotExistForm | None = None

    @classmethod
    def ok(cls) -> "Fault":
        """No fault: in a script, the next request is answered normally."""
        return cls(name="ok", acts=True)

    @classmethod
    def answer(
        cls,
        status: int,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        acts: bool = False,
    ) -> "Fault":
        """Answer a status.

        Args:
            status: Any HTTP status.
            body: Bytes or text (sent as HTML), or any other value (sent as JSON). None sends the dialect's body
                for this status.
            headers: Further headers.
            acts: With True the request has its effect first: a create is billed, although the answer is this one.
        """
        content, media_type = _encoded(body)
        pairs = tuple((headers or {}).items())
        return cls(name=str(status), acts=acts, status=status, body=content, media_type=media_type, headers=pairs)

    @classmethod
    def rate_limited(cls, retry_after: float | None = None) -> "Fault":
        """429, with a `Retry-After` in seconds if it is given."""
        if retry_after is None:
            return cls.answer(429)
        return evolve(cls.answer(429, headers={"Retry-After": f"{retry_after:g}"}), name=f"429/{retry_after:g}")

    @classmethod
    def html(cls, status: int = 200, *, acts: bool = False) -> "Fault":
        """The HTML page of a proxy instead of an answer."""
        title = b"502 Bad Gateway" if status == 502 else b"Welcome"
        return evolve(cls.answer(status, _HTML % (title, title), acts=acts), name="html")

    @classmethod
    def bad_gateway(cls, *, acts: bool = False) -> "Fault":
        """502 with the HTML page of a proxy."""
        return evolve(cls.html(502, acts=acts), name="502")

    @classmethod
    def redirect(cls, location: str, status: int = 307, *, acts: bool = False) -> "Fault":
        """A redirect to an absolute or relative URL."""
        return cls.answer(status, b"", headers={"Location": location}, acts=acts)

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        """The normal answer after a delay. `seconds` are not divided by the emulator's speed."""
        return cls(name=f"slow/{seconds:g}", acts=True, seconds=seconds)

    @classmethod
    def silent(cls, *, acts: bool = False) -> "Fault":
        """No answer. The connection stays open."""
        return cls(name="silent", acts=acts, seconds=math.inf, drops=True)

    @classmethod
    def drop_before(cls, *, reset: bool = False) -> "Fault":
        """The connection closes, and the request has no effect. An HTTP library may repeat a GET automatically."""
        return cls(name="reset" if reset else "drop", drops=True, resets=reset)

    @classmethod
    def drop_after(cls, *, reset: bool = False) -> "Fault":
        """The request has its effect, and the connection closes without an answer."""
        return cls(name="lost", acts=True, drops=True, resets=reset)

    @classmethod
    def cut(cls, keeps: float = 0.5) -> "Fault":
        """The normal answer, but the connection closes after the fraction `keeps` of the body."""
        return cls(name="cut", acts=True, keeps=keeps)

    @classmethod
    def short(cls, keeps: float = 0.5) -> "Fault":
        """The fraction `keeps` of the normal body, with the `Content-Length` of that part."""
        return cls(name="short", acts=True, keeps=keeps, framing="short")

    @classmethod
    def unframed(cls, keeps: float = 0.5) -> "Fault":
        """The fraction `keeps` of the normal body without `Content-Length`: the connection closes at its end."""
        return cls(name="unframed", acts=True, keeps=keeps, framing="none")

    @classmethod
    def not_found_yet(cls, form: NotExistForm = "400") -> "Fault":
        """The answer `task_not_exist` to a poll, although the task exists."""
        return cls(name=f"not_exist/{form}", not_exist=form)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Return the fault with this short name, as on the command line.

        The names: a status (`502` is the HTML page of a proxy), `429/SECONDS` (with Retry-After), `slow/SECONDS`,
        `drop` (the request has no effect), `reset` (the same by TCP reset), `lost` (the request has its effect),
        `silent`, `html`, `cut`, `short`, `unframed`, and `not_exist`.

        Raises:
            ValueError: The name is unknown.
        """
        name, _, number = text.partition("/")
        if name == "502":
            return cls.bad_gateway()
        if re.fullmatch(r"[1-5]\d\d", name):
            return cls.rate_limited(float(number)) if number else cls.answer(int(name))
        if name == "slow":
            return cls.slow(float(number))
        if name not in _NAMED:
            raise ValueError(f"unknown fault {text!r}: use a status, 429/SECONDS, slow/SECONDS, {', '.join(_NAMED)}")
        return _NAMED[name]


_NAMED = {
    "drop": Fault.drop_before(),
    "reset": Fault.drop_before(reset=True),
    "lost": Fault.drop_after(),
    "silent": Fault.silent(),
    "html": Fault.html(),
    "cut": Fault.cut(),
    "short": Fault.short(),
    "unframed": Fault.unframed(),
    "not_exist": Fault.not_found_yet(),
}

Rates = Mapping[Fault, float]
"""The probability of each fault, 0..1; their sum is at most 1."""


@hints_keywords
@frozen(kw_only=True)
class Faults:
    """The rates of faults, by operation. Each request has at most one fault.

    Args:
        create: The rates for creates.
        poll: The rates for polls.
        asset: The rates for downloads.
        upload: The rates for `POST /v1/uploads`.
        storage: The rates for the forms that bring the files of uploads.
    """

    create: Rates = field(factory=dict)
    poll: Rates = field(factory=dict)
    asset: Rates = field(factory=dict)
    upload: Rates = field(factory=dict)
    storage: Rates = field(factory=dict)

    @create.validator
    @poll.validator
    @asset.validator
    @upload.validator
    @storage.validator
    def _check_rates(self, attribute: Any, value: Rates) -> None:
        if not all(isinstance(fault, Fault) for fault in value):
            raise ValueError(f"rates of {attribute.name} must be given by Fault; Faults.parse takes texts")
        if min(value.values(), default=0.0) < 0.0 or sum(value.values()) > 1.0:
            raise ValueError(f"rates of {attribute.name} must be 0 or more and together at most 1")

    @classmethod
    def parse(cls, *texts: str) -> "Faults":
        """Return the rates that texts such as `poll:502=0.05` or `asset:cut=0.1` state; `Fault.parse` has the names.

        Raises:
            ValueError: A text has another form, or its operation or fault is unknown.
        """
        rates: dict[str, dict[Fault, float]] = {operation: {} for operation in OPERATIONS}
        for text in texts:
            match = re.fullmatch(rf"({'|'.join(OPERATIONS)}):([^=]+)=([\d.]+)", text)
            if match is None:
                raise ValueError(f"{text!r} is no rate: write OPERATION:FAULT=RATE such as poll:502=0.05")
            rates[match[1]][Fault.parse(match[2])] = float(match[3])
        return cls(**rates)
