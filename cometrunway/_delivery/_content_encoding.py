"""Decodes content encodings while a body streams, in steps of bounded size."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any, Protocol

from cometrunway._media._kinds import BEGINNING, recognise

_STEP = 64 * 1024
"""The approximate number of bytes that one step yields. Compressed bytes may decode to a thousand times as many."""
_MOST = 4
"""The largest number of encodings of one body."""
_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_WITH_LIBRARY = {"br": "brotli", "zstd": "backports.zstd"}
_WITHOUT_LIBRARY = frozenset({"compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})


class DamagedError(Exception):
    """A body does not have its stated encoding, or ends too early."""


class _Stream(Protocol):
    """One compressed stream."""

    unused: bytes
    """The bytes after the end of the stream."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode more data, and yield the result in steps."""

    @property
    def has_ended(self) -> bool: ...


class EncodedBody:
    """Decodes a body with a `Content-Encoding` while it arrives.

    The body is passed on unchanged if its first bytes do not fit the encoding. This also applies to names that are no
    encoding, such as `aws-chunked`.
    """

    def __init__(self, stated: str) -> None:
        names = [name.strip().lower() for name in stated.split(",")]
        decoded = [name for name in names if name in _OPENERS and _library(name)][-_MOST:]
        self._layers = [_Layer(name) for name in reversed(decoded)]
        self.needs = next((_WITH_LIBRARY.get(name, "") for name in names if _is_beyond_us(name)), None)
        """The name of the package that is missing for the decoding; empty if no package is missing."""

    def __bool__(self) -> bool:
        return bool(self._layers)

    @property
    def was_decoded(self) -> bool:
        """Whether the body really had any of the stated encodings."""
        return any(layer.was_decoded for layer in self._layers)

    def decoded(self, data: bytes) -> Iterator[bytes]:
        """Decode some bytes of the body, and yield the result in pieces of bounded size.

        Raises:
            DamagedError: the bytes do not have the encoding.
        """
        pieces: Iterator[bytes] = iter((data,))
        for layer in self._layers:
            pieces = layer.decoded(pieces)
        return pieces

    def rest(self) -> Iterator[bytes]:
        """Finish the body, and yield the last decoded bytes.

        Raises:
            DamagedError: a stream is incomplete.
        """
        pieces: Iterator[bytes] = iter(())
        for layer in self._layers:
            pieces = chain(layer.decoded(pieces), layer.rest())
        return pieces


class _Layer:
    """One encoding of a body: any number of compressed streams, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting = b""
        self._stream: _Stream | None = None
        self._is_plain = False
        self.was_decoded = False

    def decoded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield from self._taken(piece)

    def rest(self) -> Iterator[bytes]:
        yield from self._begun()
        if self._stream is not None and not self._stream.has_ended:
            raise DamagedError("ends too early")

    def _taken(self, data: bytes) -> Iterator[bytes]:
        if self._is_plain:
            yield data
        elif self._stream is not None:
            yield from self._inflated(data)
        else:
            self._waiting += data
            if len(self._waiting) >= BEGINNING:
                yield from self._begun()

    def _begun(self) -> Iterator[bytes]:
        """Decide by the first bytes whether the body has this encoding, as soon as there are enough."""
        waiting, self._waiting = self._waiting, b""
        if self._is_plain or not waiting:
            return
        if _begins_with(waiting, self._name):
            self._stream = _OPENERS[self._name](waiting)
            self.was_decoded = True
            yield from self._inflated(waiting)
        elif not self.was_decoded:  # bytes after the last stream are dropped
            self._is_plain = True
            yield waiting

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        assert self._stream is not None  # noqa: S101 - the callers have checked this
        try:
            yield from self._stream.pieces(data)
        except _errors() as error:
            raise DamagedError("is damaged") from error
        if self._stream.has_ended and self._stream.unused:
            unused, self._stream = self._stream.unused, None
            yield from self._taken(unused)


class _Zlib:
    unused = b""

    def __init__(self, window_bits: int) -> None:
        self._object = zlib.decompressobj(window_bits)

    @property
    def has_ended(self) -> bool:
        return self._object.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._object.decompress(data, _STEP)
            data = self._object.unconsumed_tail
            yield piece
            if self.has_ended or not (data or len(piece) == _STEP):
                break
        self.unused = self._object.unused_data


class _Brotli:
    unused = b""

    def __init__(self) -> None:
        self._object = _library("br").Decompressor()

    @property
    def has_ended(self) -> bool:
        return bool(self._object.is_finished())

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self.has_ended:
            piece = self._object.process(data, output_buffer_limit=_STEP)
            data = b""
            yield piece
            if not piece and self._object.can_accept_more_data():
                break


class _Zstandard:
    unused = b""

    def __init__(self) -> None:
        self._object = _library("zstd").ZstdDecompressor()

    @property
    def has_ended(self) -> bool:
        return bool(self._object.eof)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self.has_ended:
            yield self._object.decompress(data, _STEP)
            data = b""
            if self._object.needs_input:
                break
        self.unused = self._object.unused_data


def _deflate(beginning: bytes) -> _Zlib:
    """Open a `deflate` stream. It should have a zlib header, but often has none."""
    has_header = beginning[0] & 0x0F == 8 and int.from_bytes(beginning[:2]) % 31 == 0
    return _Zlib(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


_OPENERS: dict[str, Callable[[bytes], _Stream]] = {
    "gzip": lambda _: _Zlib(zlib.MAX_WBITS | 16),
    "x-gzip": lambda _: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "br": lambda _: _Brotli(),
    "zstd": lambda _: _Zstandard(),
}
_MAGIC = {"gzip": _GZIP, "x-gzip": _GZIP, "zstd": _ZSTD}


def _begins_with(beginning: bytes, name: str) -> bool:
    magic = _MAGIC.get(name)
    return recognise(beginning[:BEGINNING]) is None if magic is None else beginning.startswith(magic)


def _is_beyond_us(name: str) -> bool:
    return name in _WITHOUT_LIBRARY or (name in _WITH_LIBRARY and not _library(name))


def _library(name: str) -> Any:
    """Return the library for an encoding, or None. The library must support output of bounded size."""
    if name not in _WITH_LIBRARY:
        return zlib
    if name == "zstd":
        return _imported("compression.zstd", "backports.zstd")
    library = _imported("brotlicffi", "brotli")
    with suppress(AttributeError, TypeError):  # before 1.2, one step yields the whole output
        library.Decompressor().process(b"", output_buffer_limit=1)
        return library
    return None


@cache
def _imported(*names: str) -> Any:
    """Return the first of these modules that is installed, or None. A module that is missing is looked for once."""
    for name in names:
        with suppress(ImportError):
            return import_module(name)
    return None


def _errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that the libraries raise."""
    brotli, zstandard = _library("br"), _library("zstd")
    return (zlib.error, *([brotli.error] if brotli else []), *([zstandard.ZstdError] if zstandard else []))
