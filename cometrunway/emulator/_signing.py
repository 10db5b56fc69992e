"""Output URLs: signed, and valid for a limited time."""

import base64
import hmac
import json
from urllib.parse import parse_qs

from attrs import define, field

from cometrunway.emulator._epoch import Epoch
from cometrunway.emulator._tasks import EmulatedTask

_HEADER = b'{"alg":"HS256","typ":"JWT"}'


@define(kw_only=True, eq=False)
class Signer:
    """Makes and checks URLs with a `_jwt` query, whose payload names the path and, as `exp`, the end in epoch seconds.

    Attributes:
        base_url: The asset origin, set when it listens.
        lifetime: Seconds for which a URL is valid.
        refresh: Whether every poll gets a new URL; else all get the first one, as from a gateway that stores bodies.
    """

    secret: bytes = field(repr=False)
    epoch: Epoch
    lifetime: float
    refresh: bool
    base_url: str = field(init=False)
    _generation: int = field(init=False, default=0)
    _stored: dict[str, str] = field(init=False, factory=dict)

    def url(self, task: EmulatedTask, name: str) -> str:
        """The URL of a task's file."""
        path = f"/{task.id}/{name}"
        if self.refresh:
            return self._signed(path, self.epoch.now())
        return self._stored.setdefault(path, self._signed(path, task.completed_at))

    def accepts(self, path: str, query: str) -> bool:
        """Whether a URL was signed here and is still valid."""
        token = parse_qs(query).get("_jwt", [""])[0]
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(head).encode()):
            return False
        payload = json.loads(_decoded(head.partition(".")[2]))
        now = self.epoch.at(self.epoch.now()).timestamp()
        return bool(payload["key"] == path and payload["gen"] == self._generation and now < payload["exp"])

    def expire(self) -> None:
        """Make every URL expire that was signed so far."""
        self._generation += 1

    def _signed(self, path: str, start: float) -> str:
        end = round(self.epoch.at(start + self.lifetime).timestamp(), 3)
        payload = json.dumps({"exp": end, "key": path, "gen": self._generation}).encode()
        head = f"{_encoded(_HEADER)}.{_encoded(payload)}"
        return f"{self.base_url}{path}?_jwt={head}.{self._signature(head)}"

    def _signature(self, head: str) -> str:
        return _encoded(hmac.digest(self.secret, head.encode("utf-8", "replace"), "sha256"))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
