"""What can go wrong on the way: single faults, and the rates at which they strike."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen, validators

from cometrunway.emulator._refusals import NotExistForm

FaultOperation = Literal["create", "poll", "asset"]
"""The operations that can be disturbed."""

_HTML = b"<html>\r\n<head><title>%s</title></head>\r\n<body><center><h1>%s</h1></center><hr>nginx</body>\r\n</html>\r\n"
_PART = [validators.ge(0.0), validators.lt(1.0)]


def _encoded(body: object) -> tuple[bytes | None, str]:
    if body is None:
        return None, "application/json"
    if isinstance(body, bytes | str):
        return body.encode() if isinstance(body, str) else body, "text/html; charset=utf-8"
    return json.dumps(body).encode(), "application/json"


@frozen(kw_only=True)
class Fault:
    """One way in which an answer goes wrong. Build it with one of the class methods; it is a hashable value.

    Attributes:
        name: How logs and `parse` call it.
        acts: Whether the request has its effect all the same: a create is entered in the ledger, hence billed.
        status: Answer this status instead; with `body` None in the envelope of the dialect.
        body: Answer these bytes.
        media_type: The content type of `body`.
        headers: Further headers of the answer, as pairs.
        seconds: Wait this long before answering; `math.inf` never answers.
        drops: Close the connection without an answer.
        resets: Close it with a TCP reset instead of an orderly end.
        keeps: Send only this part of the body, 0 up to but not including 1; None sends all of it.
        framing: With `keeps`, what `Content-Length` says: the `full` length, the `short` one, or `none` at all.
        not_exist: Answer `task_not_exist` in this form; polls only.
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
        """No fault: a gap in a script."""
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
            body: Bytes or text (sent as HTML), or any other value (sent as JSON); None sends what the dialect
                says along with such a status.
            headers: Further headers.
            acts: True accepts the request first: a create is then billed, and the client is told this instead.
        """
        content, media_type = _encoded(body)
        pairs = tuple((headers or {}).items())
        return cls(name=str(status), acts=acts, status=status, body=content, media_type=media_type, headers=pairs)

    @classmethod
    def rate_limited(cls, retry_after: float | None = None) -> "Fault":
        """429, with a `Retry-After` of that many seconds if given."""
        if retry_after is None:
            return cls.answer(429)
        return evolve(cls.answer(429, headers={"Retry-After": f"{retry_after:g}"}), name=f"429/{retry_after:g}")

    @classmethod
    def html(cls, status: int = 200, *, acts: bool = False) -> "Fault":
        """A proxy's HTML page instead of an answer."""
        title = b"502 Bad Gateway" if status == 502 else b"Welcome"
        return evolve(cls.answer(status, _HTML % (title, title), acts=acts), name="html")

    @classmethod
    def bad_gateway(cls, *, acts: bool = False) -> "Fault":
        """502 with a proxy's HTML page."""
        return evolve(cls.html(502, acts=acts), name="502")

    @classmethod
    def redirect(cls, location: str, status: int = 307, *, acts: bool = False) -> "Fault":
        """A redirect to an absolute or relative URL."""
        return cls.answer(status, b"", headers={"Location": location}, acts=acts)

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        """The right answer, late. `seconds` are not divided by the emulator's speed."""
        return cls(name=f"slow/{seconds:g}", acts=True, seconds=seconds)

    @classmethod
    def silent(cls, *, acts: bool = False) -> "Fault":
        """No answer ever, on a connection that stays open."""
        return cls(name="silent", acts=acts, seconds=math.inf, drops=True)

    @classmethod
    def drop_before(cls, *, reset: bool = False) -> "Fault":
        """The connection closes before the request is acted upon; HTTP libraries may send a GET again by themselves."""
        return cls(name="reset" if reset else "drop", drops=True, resets=reset)

    @classmethod
    def drop_after(cls, *, reset: bool = False) -> "Fault":
        """The request is acted upon and its answer lost."""
        return cls(name="lost", acts=True, drops=True, resets=reset)

    @classmethod
    def cut(cls, keeps: float = 0.5) -> "Fault":
        """The right answer, whose connection closes when the part `keeps` of its body is sent."""
        return cls(name="cut", acts=True, keeps=keeps)

    @classmethod
    def short(cls, keeps: float = 0.5) -> "Fault":
        """A part of the right body, with a `Content-Length` that claims it to be all."""
        return cls(name="short", acts=True, keeps=keeps, framing="short")

    @classmethod
    def unframed(cls, keeps: float = 0.5) -> "Fault":
        """A part of the right body without any length: it ends where the connection closes."""
        return cls(name="unframed", acts=True, keeps=keeps, framing="none")

    @classmethod
    def not_found_yet(cls, form: NotExistForm = "400") -> "Fault":
        """A poll that answers `task_not_exist` although the task exists."""
        return cls(name=f"not_exist/{form}", not_exist=form)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read a fault from its short name, as the command line takes it.

        A status (`502` is a proxy's HTML page), `429/SECONDS` (with Retry-After), `slow/SECONDS`, `drop` (before the
        request is acted upon), `reset` (the same by TCP reset), `lost` (after it), `silent`, `html`, `cut`, `short`,
        `unframed`, or `not_exist`.

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
"""How often each fault strikes, 0..1; together at most 1."""


@frozen(kw_only=True)
class Faults:
    """The rates at which faults strike, by operation. Each request meets at most one.

    Args:
        create: Rates for the creation routes.
        poll: Rates for both polling routes.
        asset: Rates for downloads.
    """

    create: Rates = field(factory=dict)
    poll: Rates = field(factory=dict)
    asset: Rates = field(factory=dict)

    @create.validator
    @poll.validator
    @asset.validator
    def _check_rates(self, attribute: Any, value: Rates) -> None:
        if not all(isinstance(fault, Fault) for fault in value):
            raise ValueError(f"rates of {attribute.name} must be given by Fault; Faults.parse takes texts")
        if min(value.values(), default=0.0) < 0.0 or sum(value.values()) > 1.0:
            raise ValueError(f"rates of {attribute.name} must be 0 or more and together at most 1")

    @classmethod
    def parse(cls, *texts: str) -> "Faults":
        """Read rates such as `poll:502=0.05` or `asset:cut=0.1`; see `Fault.parse` for the names.

        Raises:
            ValueError: A text has another form, or names an unknown operation or fault.
        """
        rates: dict[str, dict[Fault, float]] = {"create": {}, "poll": {}, "asset": {}}
        for text in texts:
            match = re.fullmatch(r"(create|poll|asset):([^=]+)=([\d.]+)", text)
            if match is None:
                raise ValueError(f"{text!r} is no rate: write OPERATION:FAULT=RATE such as poll:502=0.05")
            rates[match[1]][Fault.parse(match[2])] = float(match[3])
        return cls(**rates)
