"""A network in one process: what one end writes comes to the other later, broken, twice, or not at all."""

import asyncio
import errno
import os
import re
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from attrs import define, field, frozen

from tests.simulation.chance import Chance, Trace
from tests.simulation.loop import SimulatedLoop

_HOST = "127.0.0.1"
_HEAD = re.compile(rb"HTTP/1\.[01] (\d+).*?\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@frozen(kw_only=True)
class Rates:
    """How often a request meets what."""

    refused: float = 0.0
    """No connection is made."""
    unreachable: float = 0.0
    """The making of a connection takes very long."""
    reset_before: float = 0.0
    """The connection breaks, and nothing of the request was read."""
    reset_after: float = 0.0
    """The connection breaks after the request was read, and its answer is lost."""
    cut: float = 0.0
    """The connection breaks in the middle of the answer."""
    lost: float = 0.0
    """No answer ever comes."""
    late: float = 0.0
    """The answer comes very late."""
    twice: float = 0.0
    """The answer comes twice; a file only where it is stated where its first copy ends."""
    swapped: float = 0.0
    """The answer is exchanged with that to another poll."""
    split: float = 0.0
    """The bytes come in pieces."""
    latency: float = 0.02
    """Seconds of one way, at the median."""


@define(eq=False)
class Turn:
    """A request and its answer, as they went over a connection."""

    number: int
    at: float
    fault: str = ""
    request: bytearray = field(factory=bytearray)
    answer: bytearray = field(factory=bytearray)
    """What came to the client of the answer."""
    answered_at: float | None = None
    """When all of it had come."""

    @property
    def line(self) -> str:
        """The method and the path."""
        return self.request[:200].split(b" HTTP", 1)[0].decode("latin-1")

    @property
    def is_of_the_api(self) -> bool:
        """Whether it went to the API, and not to the host of the files."""
        return b" /runwayml/" in self.request[:200]

    @property
    def body(self) -> bytes:
        """What the request carried, as far as it was written."""
        return bytes(self.request).partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int | None:
        """The status that the client got, with all of its body; None if it did not."""
        head = _HEAD.match(self.answer)
        if head is None:
            return None
        length = _LENGTH.search(head[0])
        if length is None or len(self.answer) - head.end() < int(length[1]):
            return None
        return int(head[1])


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, connection: "Connection", protocol: Any, *, is_client: bool) -> None:
        super().__init__({"peername": (_HOST, 1), "sockname": (_HOST, 2)})
        self._connection = connection
        self.protocol = protocol
        self.is_client = is_client
        self._is_paused = False
        self._held: list[bytes] = []
        self._has_eof = False
        self.is_lost = False
        self._is_closing = False
        self._last = 0.0

    def arrives_at(self, seconds: float) -> float:
        """Return when what is sent now comes to the other end: never before what was sent before."""
        self._last = max(self._last + 1e-6, self._connection.network.loop.now + seconds)
        return self._last

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: Any) -> None:
        if not self._is_closing and data:
            self._connection.sent(self, bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It has no buffer."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol  # type: ignore[no-any-return]

    def is_reading(self) -> bool:
        return not self._is_paused

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._connection.network.loop.call_soon(self._pass_on)

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._connection.closed(self)
            self._connection.network.loop.call_soon(self.lose, None)

    def abort(self) -> None:
        if not self.is_lost:
            self._is_closing = True
            self._connection.network.loop.call_soon(self.lose, None)
            self._connection.broken(self)

    def receive(self, data: bytes) -> None:
        """Take bytes that came."""
        self._held.append(data)
        self._pass_on()

    def end(self) -> None:
        """Take the end of what comes."""
        self._has_eof = True
        self._pass_on()

    def _pass_on(self) -> None:
        while self._held and not self._is_paused and not self.is_lost:
            self.protocol.data_received(self._held.pop(0))
        if self._has_eof and not self._held and not self.is_lost and not self._is_closing:
            self._has_eof = False
            if not self.protocol.eof_received():
                self.close()

    def lose(self, error: Exception | None) -> None:
        """Be closed."""
        if self.is_lost:
            return
        self.is_lost = self._is_closing = True
        self.protocol.connection_lost(error)
        self._connection.network.lost(self)


class Connection:
    """Two ends, and what is between them."""

    def __init__(self, network: "SimulatedNetwork", number: int, client: Any, server: Any) -> None:
        self.network = network
        self.number = number
        self.client = End(self, client, is_client=True)
        self.server = End(self, server, is_client=False)
        self.turn: Turn | None = None
        """The latest request, which may be a second one before the first is answered."""
        self._is_answering = True

    def other(self, end: End) -> End:
        return self.server if end is self.client else self.client

    def sent(self, end: End, data: bytes) -> None:
        """Carry bytes, as the fault of the turn lets them."""
        if end is self.client:
            self._asked(data)
        else:
            self._answered(data)

    def _asked(self, data: bytes) -> None:
        if self._is_answering or self.turn is None:
            self._is_answering = False
            self.turn = self.network.new_turn()
            if self.turn.fault == "reset before":
                self.network.after(self.network.latency(), self.reset)
        self.turn.request += data
        if self.turn.fault != "reset before":
            self._carry(self.client, data)

    def _answered(self, data: bytes) -> None:
        turn = self.turn
        if turn is None:
            return
        is_first, self._is_answering = not self._is_answering, True
        match turn.fault:
            case "reset before" | "lost":
                return
            case "reset after":
                if is_first:
                    self.network.after(self.network.latency(), self.reset)
                return
            case "cut":
                if is_first:
                    self._carry(self.server, data[: len(data) // 2])
                    self.network.after(0.5 + self.network.latency(), self.reset)
                return
            case "late":
                if is_first:
                    self.server.arrives_at(self.network.chance.of("late").choice((5.0, 29.9, 45.0, 179.0, 250.0)))
            case "swapped":
                self.network.swap(self, data)
                return
            case "" if self.network.waits_for_another(self):
                self.network.swap(self, data)
                return
        self._carry(self.server, data)
        if turn.fault == "twice":
            at = self.server.arrives_at(self.network.chance.of("twice").choice((0.0, 0.05, 1.0)))
            self.network.at(at, partial(self._bring_again, turn, data))

    def _bring_again(self, turn: Turn, data: bytes) -> None:
        """Let an answer come once more.

        Not a file to the request for the next one, nor as the rest of one that was cut: nothing could tell them apart.
        """
        if turn.is_of_the_api or (self.turn is turn and turn.status is not None):
            self.bring(self.server, turn, data)

    def _carry(self, end: End, data: bytes) -> None:
        pieces = [data]
        if self.turn is not None and self.turn.fault == "split":
            size = self.network.chance.of("pieces").choice((1, 17, 1000))
            size = max(size, len(data) // 20)
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
        for piece in pieces:
            at = end.arrives_at(self.network.latency() / (1 if len(pieces) == 1 else 10))
            self.network.at(at, partial(self.bring, end, self.turn, piece))

    def bring(self, end: End, turn: Turn | None, data: bytes) -> None:
        """Let bytes come to the other end."""
        other = self.other(end)
        if other.is_lost:
            return
        if other is self.client and turn is not None:
            turn.answer += data
            if turn.answered_at is None and turn.status is not None:
                turn.answered_at = self.network.loop.now
        self.network.note("bytes", self.number, "out" if end is self.client else "in", len(data))
        other.receive(data)

    def closed(self, end: End) -> None:
        """Tell the other end that nothing more comes."""
        self.network.at(end.arrives_at(self.network.latency()), self.other(end).end)

    def broken(self, end: End) -> None:
        """Tell the other end that the connection is broken."""
        self.network.after(self.network.latency(), partial(self.other(end).lose, _reset()))

    def reset(self) -> None:
        """Break the connection at both ends."""
        self.client.lose(_reset())
        self.server.lose(_reset())


class _Server:
    """What listens at a port, as far as aiohttp asks."""

    def __init__(self, network: "SimulatedNetwork", port: int) -> None:
        self._network = network
        self._port = port
        self.sockets = [self]

    def getsockname(self) -> tuple[str, int]:
        return _HOST, self._port

    def close(self) -> None:
        self._network.servers.pop(self._port, None)

    async def wait_closed(self) -> None:
        """It is."""


class SimulatedNetwork:
    """All connections of a run.

    Args:
        loop: whose time it is.
        chance: what goes wrong.
        trace: where what happens is noted.
        rates: how often things go wrong, until that is changed.
    """

    def __init__(self, loop: SimulatedLoop, chance: Chance, trace: Trace, rates: Rates) -> None:
        self.loop = loop
        self.chance = chance
        self.rates = rates
        self.is_cut = False
        """Whether the client's machine is off: no bytes of it leave or come."""
        self.servers: dict[int, Callable[[], asyncio.BaseProtocol]] = {}
        self.open: set[int] = set()
        """The numbers of the connections that a client has open."""
        self.turns: list[Turn] = []
        self._trace = trace
        self._connections: dict[int, Connection] = {}
        self._numbers = count()
        self._ports = count(40001)
        self._waiting: tuple[Connection, bytes] | None = None

    async def connect(self, address: tuple[str, int]) -> None:
        if self.is_cut or address[1] not in self.servers or self.chance.strikes("refused", self.rates.refused):
            await asyncio.sleep(self.latency())
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        slow = self.chance.strikes("unreachable", self.rates.unreachable)
        await asyncio.sleep(self.chance.of("slow").choice((3.0, 14.0, 100.0)) if slow else self.latency())

    def attach(
        self, address: tuple[str, int], factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        if self.is_cut or address[1] not in self.servers:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        client, server = factory(), self.servers[address[1]]()
        connection = Connection(self, next(self._numbers), client, server)
        self._connections[connection.number] = connection
        self.open.add(connection.number)
        self.note("connected", connection.number, address[1])
        client.connection_made(connection.client)
        server.connection_made(connection.server)
        return connection.client, client

    def listen(self, factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        port = next(self._ports)
        self.servers[port] = factory
        return _Server(self, port)

    def lost(self, end: End) -> None:
        """Forget a connection whose ends are both closed."""
        connection = end._connection
        if end.is_client:
            self.open.discard(connection.number)
        if connection.client.is_lost and connection.server.is_lost:
            self._connections.pop(connection.number, None)

    def cut(self) -> None:
        """Break all connections, and let no new one be made until `mend`."""
        self.is_cut = True
        for connection in tuple(self._connections.values()):
            connection.reset()

    def mend(self) -> None:
        """Let connections be made again."""
        self.is_cut = False

    def new_turn(self) -> Turn:
        """Begin a request, and draw what goes wrong with it."""
        turn = Turn(len(self.turns), self.loop.now, fault=self._fault())
        self.turns.append(turn)
        self.note("request", turn.number, turn.fault)
        return turn

    def _fault(self) -> str:
        rates = {
            "reset before": self.rates.reset_before,
            "reset after": self.rates.reset_after,
            "cut": self.rates.cut,
            "lost": self.rates.lost,
            "late": self.rates.late,
            "twice": self.rates.twice,
            "swapped": self.rates.swapped,
            "split": self.rates.split,
        }
        left = self.chance.of("request").random()
        if self.chance.calm:
            return ""
        for fault, rate in rates.items():
            left -= rate
            if left < 0:
                return fault if self.chance.happens(f"{fault} #{len(self.turns)}") else ""
        return ""

    def waits_for_another(self, connection: Connection) -> bool:
        """Whether an answer to a poll is held back until it is exchanged with that of another connection."""
        is_poll = connection.turn is not None and connection.turn.line.startswith("GET /runwayml/")
        return is_poll and self._waiting is not None and self._waiting[0] is not connection

    def swap(self, connection: Connection, answer: bytes) -> None:
        """Exchange the answer to one poll with that to the next one, if that comes soon."""
        if connection.turn is None or not connection.turn.line.startswith("GET /runwayml/"):
            connection._carry(connection.server, answer)
        elif self._waiting is None:
            self._waiting = connection, answer
            self.after(5.0, self._give_up_swap)
        else:
            other, other_answer = self._waiting
            self._waiting = None
            other._carry(other.server, answer)
            connection._carry(connection.server, other_answer)

    def _give_up_swap(self) -> None:
        if self._waiting is not None:
            connection, answer = self._waiting
            self._waiting = None
            connection._carry(connection.server, answer)

    def latency(self) -> float:
        """Draw the seconds of one way."""
        return self.rates.latency * self.chance.of("latency").lognormvariate(0.0, 0.5)

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something at a time."""
        self.loop.call_at(when, what)

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something later."""
        self.loop.call_later(seconds, what)

    def note(self, *words: object) -> None:
        """Add a line to the trace."""
        self._trace.note(self.loop.now, *words)


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
