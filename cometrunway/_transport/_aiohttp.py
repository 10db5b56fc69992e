"""API calls. Each is sent once, with the key, and its complete answer is read, up to a limit."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from cometrunway._transport._api_key import ApiKey
from cometrunway._transport._connections import AS_SENT, CONNECT_SECONDS, Connections, Route
from cometrunway._transport._create_body import LONGEST_IDLE, CreateBody, LastUses
from cometrunway._transport._descriptors import BETWEEN_WAITS, WAITS, is_exhaustion
from cometrunway._transport._exceptions import THEIRS, ours, refused_by_proxy, safe
from cometrunway._transport._time_limit import TimeLimit
from cometrunway._wire._encodings import GZIP, decoded
from cometrunway._wire._http import HttpRequest, HttpResponse
from cometrunway.errors import ProtocolError, TransportError

BODY_LIMIT = 1024 * 1024
"""The largest answer to a create, in bytes after decompression."""
LARGE = 1024 * 1024
"""An answer with more bytes is processed in a thread, so that the event loop is not blocked."""
_LARGE_AT_ONCE = 2
"""Large answers that are read at once: each may take some times its limit of memory."""
_LARGE_COMPRESSED = 10 * 1024  # which may become a thousand times larger
_CALL_SECONDS = 30.0
_CREATE_SECONDS = 180.0  # the gateway may try several channels before it answers
# `total` is one more timer for every request, and so is `connect`, where no connection is free.
_CALL = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
_CREATE = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
_JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_WITHOUT_MIDDLEWARES: Mapping[str, Any] = {"middlewares": ()}  # for one may repeat a create
_LONG_KEY = 16
"""A key of at least so many characters is too long to be part of a word by chance."""
_KEYS = 4
"""How many of the latest keys are removed from answers. An answer that comes later may contain an older key."""
_STALE_CONNECTIONS = 1_000
"""How many idle connections a create may get from the pool. Each of them is closed."""


class Transport:
    """Sends requests to one API, with its key.

    Args:
        base: the API's origin, with the path before its routes.
        api_key: goes into the Authorization header of API calls and nowhere else.
        version: the X-Runway-Version to speak.
        http: a session to borrow for the API calls; it is never closed here.
        connections: makes the connections where none are borrowed; entered before this is.
    """

    def __init__(
        self,
        *,
        base: URL,
        api_key: ApiKey,
        version: str,
        http: aiohttp.ClientSession | None,
        connections: Connections,
    ) -> None:
        self._base = base
        self._prefix = self._base.raw_path.rstrip("/")
        self._root = str(self._base).rstrip("/")
        self._key = api_key
        self._secrets: dict[bytes, re.Pattern[bytes]] = {}
        """The keys that were sent, each with the pattern that finds it in an answer."""
        self._headers = CIMultiDict(
            {"Accept": "application/json", "Accept-Encoding": "identity", "X-Runway-Version": version}
        )
        self._borrowed = _checked_session(http)
        self._calls = TimeLimit(_CALL_SECONDS)
        self._creates = TimeLimit(_CREATE_SECONDS)
        self._uses = LastUses()
        self._connections = connections
        self._for_calls: _PreparedRoute | None = None
        self._for_creates: _PreparedRoute | None = None

    @property
    def base(self) -> URL:
        """The API's origin, with the path before its routes."""
        return self._base

    @property
    def key_origin(self) -> str:
        """Where the key came from, in words."""
        return self._key.origin

    @property
    def key_number(self) -> int:
        """Which key is sent now; for `renew_key`."""
        return self._key.number

    async def renew_key(self, refused: int) -> bool:
        """Get the key again, unless this was done since the refusal; return whether the key has changed."""
        async with self._renewing:
            if self._key.number == refused:
                await self._key.ask_again()
                self._use_key()
        return self._key.number != refused

    def _use_key(self) -> None:
        """Use the present key in later requests."""
        secret = self._key.value.encode()
        self._secrets[secret] = _pattern_of(secret)
        if len(self._secrets) > _KEYS:
            del self._secrets[next(iter(self._secrets))]
        self._headers["Authorization"] = f"Bearer {self._key.value}"
        for route in (self._for_calls, self._for_creates):
            if route is not None:
                route.authorize(self._headers["Authorization"])

    async def __aenter__(self) -> Self:
        self._renewing = asyncio.Lock()
        self._large_answers = asyncio.Semaphore(_LARGE_AT_ONCE)
        await self._key.ask()
        self._use_key()
        route = self._connections.to_api(self._base, self._headers, borrowed=self._borrowed)
        if self._borrowed is not None:  # otherwise it may have any option
            self._for_calls = _PreparedRoute(route, AS_SENT, _JSON)
            self._for_creates = _PreparedRoute(route, {**AS_SENT, **_WITHOUT_MIDDLEWARES}, _JSON)
            return self
        self._for_calls = _PreparedRoute(route, {}, _JSON)
        route = self._connections.to_api(self._base, self._headers, keepalive=LONGEST_IDLE)
        # The body of a create has its media type, which uses less CPU.
        self._for_creates = _PreparedRoute(route, _WITHOUT_MIDDLEWARES, {})
        return self

    async def __aexit__(self, *_: object) -> None:
        self._calls.stop()
        self._creates.stop()
        for route in (self._for_calls, self._for_creates):
            if route is not None and self._borrowed is None:
                await route.session.close()
        if self._for_calls is not None and self._borrowed is not None:
            self._for_calls.session.detach()  # what is borrowed stays open

    async def call(self, request: HttpRequest, *, limit: int = BODY_LIMIT) -> HttpResponse:
        """Send a poll, which is free to repeat. Its answer has at most `limit` bytes, and comes within 30 seconds."""
        try:
            with self._calls:
                return await self._send(self._for_calls, request, limits=_CALL, limit=limit)
        except TimeoutError as error:
            raise ours(request.method, request.path, error) from None

    def create_body(self, request: HttpRequest, may_begin: Callable[[], bool]) -> CreateBody:
        """Return the body for `create`. It is sent once, if `may_begin` allows it when a connection is ready."""
        return CreateBody(request.body or b"", self._uses, may_begin)

    async def create(self, request: HttpRequest, body: CreateBody) -> HttpResponse:
        """Send a create, which is paid: the caller must not repeat it without proof of refusal. At most 180 seconds.

        Raises:
            Exception: any; `body.withdraw` says whether it was sent.
        """
        try:
            with self._creates:
                return await self._on_a_live_connection(request, body)
        except TimeoutError as error:
            raise ours(request.method, request.path, error) from None

    async def _on_a_live_connection(self, request: HttpRequest, body: CreateBody) -> HttpResponse:
        for _ in range(_STALE_CONNECTIONS):
            body.met_a_stale_connection = False
            try:
                return await self._send(self._for_creates, request, body=body, limits=_CREATE)
            except TransportError:
                if not body.met_a_stale_connection:
                    raise
        raise TransportError(f"{request.method} {request.path}: all connections were idle", may_have_been_sent=False)

    async def _send(
        self,
        route: "_PreparedRoute | None",
        request: HttpRequest,
        *,
        limits: aiohttp.ClientTimeout,
        body: CreateBody | None = None,
        limit: int = BODY_LIMIT,
        waits: int = WAITS,
    ) -> HttpResponse:
        """Send a request. If no descriptor is left for its connection, wait; nothing has been sent then."""
        assert route is not None  # noqa: S101 - the session opens its transport before it uses it
        try:
            async with route.session.request(
                request.method,
                self._base.with_path(self._prefix + request.path, encoded=True),
                data=body or request.body,
                headers=route.headers_with_body if request.body else route.headers,
                timeout=limits,
                **route.options,
            ) as response:
                if response.status == 407:  # only a proxy answers so, without passing the request on
                    raise refused_by_proxy(f"{request.method} {request.path}", response.status, response.reason)
                content = await self._beginning(response.content, limit)
                encoding = response.headers.get("Content-Encoding")
                if encoding or len(content) > LARGE or content.startswith(GZIP):
                    content = await self._worked_on(content, encoding or "", limit)
                else:
                    content = self._masked(content)
                if len(content) > limit:
                    raise ProtocolError(
                        f"the answer to {request.path} is larger than {limit} bytes",
                        status=response.status,
                        body=content[:2000],
                    )
                url = self._root + request.path
                return HttpResponse(status=response.status, headers=response.headers, body=content, url=url)
        except THEIRS as error:
            if not (waits and isinstance(error, aiohttp.ClientConnectorError) and is_exhaustion(error)):
                raise ours(request.method, request.path, error, host=self._base.host) from safe(error)
        await asyncio.sleep(BETWEEN_WAITS)
        return await self._send(route, request, limits=limits, body=body, limit=limit, waits=waits - 1)

    async def _beginning(self, content: aiohttp.StreamReader, limit: int) -> bytes:
        """Return the body, or, of one beyond the limit, somewhat more than the limit."""
        chunk = await content.readany()
        if content.at_eof():
            return chunk
        body = bytearray(chunk)
        while not content.at_eof() and len(body) <= min(limit, LARGE):
            body += await content.readany()
        if not content.at_eof() and len(body) <= limit:
            async with self._large_answers:
                while not content.at_eof() and len(body) <= limit:
                    body += await content.readany()
        return bytes(body)

    async def _worked_on(self, content: bytes, encoding: str, limit: int) -> bytes:
        """Return the body uncompressed and without the key. A large body is processed in a thread."""
        if len(content) > (_LARGE_COMPRESSED if encoding else LARGE):
            return await asyncio.to_thread(self._plain, content, encoding, limit)
        return self._plain(content, encoding, limit)

    def _plain(self, content: bytes, encoding: str, limit: int) -> bytes:
        return self._masked(decoded(content, encoding, limit=limit))

    def _masked(self, content: bytes) -> bytes:
        for secret, pattern in self._secrets.items():
            if secret in content:
                content = pattern.sub(b"***", content)
        return content


class _PreparedRoute:
    """How requests of one kind are sent: their session, and their options."""

    def __init__(self, route: Route, options: Mapping[str, Any], of_a_body: Mapping[str, str]) -> None:
        self.session = route.session
        self.headers = CIMultiDict(route.headers)
        self.headers_with_body = CIMultiDict({**route.headers, **of_a_body})
        self.options: Mapping[str, Any] = {
            "allow_redirects": False,
            "raise_for_status": False,
            **options,
            **route.options,
        }

    def authorize(self, value: str) -> None:
        """Send another key from now on, in the headers of each request or in those that the session adds."""
        own = (self.headers, self.headers_with_body)
        for headers in own if "Authorization" in self.headers else (self.session.headers,):
            headers["Authorization"] = value


def _checked_session(http: object) -> aiohttp.ClientSession | None:
    if http is None or isinstance(http, aiohttp.ClientSession):
        return http
    raise TypeError(
        f"http must be an aiohttp.ClientSession, got {type(http).__name__}: a client that repeats requests by itself "
        "may pay twice; pass the ClientSession that it wraps, and RetryPolicy repeats what may be repeated"
    )


def _pattern_of(key: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a key in an answer. A short key may be part of any word, so it must be a whole word."""
    pattern = re.escape(key)
    return re.compile(rb"(?<![\w-])" + pattern + rb"(?![\w-])" if len(key) < _LONG_KEY else pattern)
