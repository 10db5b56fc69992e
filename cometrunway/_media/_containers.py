"""Checks whether a file is whole. Each container format declares its end in its own way.

One rule holds for all formats: a file is refused if it ends before the end that its container declares. A file that
is only unusual, or has bytes after its end, is not refused, because it may have been paid for.
"""

import os
import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise, repeat
from typing import Any, BinaryIO

from attrs import define, field, frozen

_BLOCK = 64 * 1024
_LIKELY_LENGTH = 0x09000000
"""A box or chunk below this length is real. Text after the end, read as a box or chunk, would have a greater length."""


class _CutError(EOFError):
    """The file ends before its declared end."""


@define(eq=False, repr=False)
class _Content:
    """A file's bytes, read in blocks. Only one block is in memory at a time."""

    file: BinaryIO
    size: int = field(init=False)
    _start: int = 0
    _block: bytes = b""

    def __attrs_post_init__(self) -> None:
        self.size = self.file.seek(0, os.SEEK_END)

    def upto(self, position: int, length: int) -> bytes:
        """Return at most `length` bytes, or fewer at the end of the file; `length` is at most one block."""
        offset = position - self._start
        if offset < 0 or offset + length > len(self._block):
            self.file.seek(position)
            self._start, self._block, offset = position, self.file.read(_BLOCK), 0
        return self._block[offset : offset + length]

    def at(self, position: int, length: int) -> bytes:
        found = self.upto(position, length)
        if len(found) < length:
            raise _CutError
        return found

    def byte(self, position: int) -> int:
        return self.at(position, 1)[0]

    def number(self, position: int, length: int) -> int:
        return int.from_bytes(self.at(position, length))

    def unpack(self, layout: str, position: int) -> tuple[Any, ...]:
        return struct.unpack(layout, self.at(position, struct.calcsize(layout)))

    def has(self, end: int) -> int:
        """Return `end` after checking that it lies within the file."""
        if end > self.size:
            raise _CutError
        return end


def tells_its_end(media_type: str) -> bool:
    """Whether `is_whole` can check files of a media type."""
    return media_type in _CHECKS


def is_whole(file: BinaryIO, media_type: str) -> bool:
    """Whether a file of a media type reaches the end that its container declares; True for an unknown type.

    Call it in a thread: it reads all of a PNG, JPEG or GIF, and the headers of other files, which may have any size.
    Bytes after the end are ignored. PNG chunks are verified by their checksums. A truncation is not detected

    - between two elements of a WebM whose length is unknown by design, between two fragments of a fragmented MP4, or
      before boxes that follow the index and data of an MP4;
    - in an MP3 without a Xing header, between two frames;
    - in a WAV that was streamed, without a length.
    """
    check = _CHECKS.get(media_type)
    try:
        return check is None or check(_Content(file))
    except (_CutError, struct.error):  # struct.error: the file became shorter meanwhile
        return False


# JPEG: segments of a stated length. Some are followed by coded data, in which these markers do not occur.
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_START_OF_IMAGE, _END_OF_IMAGE, _SCAN = 0xD8, 0xD9, 0xDA


def _jpeg_ends(content: _Content) -> bool:
    position, has_scan = 2, False
    while True:
        position = _search(content, _MARKER, position)
        marker = content.byte(position + 1)
        if marker == _END_OF_IMAGE and has_scan:
            return True
        position += 2
        if marker not in {_START_OF_IMAGE, _END_OF_IMAGE}:
            has_scan |= marker == _SCAN
            position += content.number(position, 2)


def _search(content: _Content, pattern: re.Pattern[bytes], position: int) -> int:
    """Return the position of the next match; a match has at most 4 bytes."""
    while len(block := content.upto(position, _BLOCK)) > 3:
        if found := pattern.search(block):
            return position + found.start()
        position += len(block) - 3
    if found := pattern.search(block):
        return position + found.start()
    raise _CutError


def _png_ends(content: _Content) -> bool:
    position, kind = 8, b""
    while kind != b"IEND":
        length, kind = content.unpack(">I4s", position)
        end = content.has(position + 8 + length + 4) - 4
        if _checksum(content, position + 4, end) != content.number(end, 4):
            return False
        position = end + 4
    return True


def _checksum(content: _Content, start: int, end: int) -> int:
    found = 0
    for position in range(start, end, _BLOCK):
        found = zlib.crc32(content.at(position, min(_BLOCK, end - position)), found)
    return found


def _gif_ends(content: _Content) -> bool:
    position, has_image = 13 + _colours(content.byte(10)), False
    while (kind := content.byte(position)) in b"\0!,":  # some faulty writers put zeros between blocks
        if kind == ord(","):
            has_image = True
            position += 9 + _colours(content.byte(position + 9))
        position = _after_sub_blocks(content, position + 2) if kind else position + 1
    return has_image


def _colours(flags: int) -> int:
    """Return the number of bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_sub_blocks(content: _Content, position: int) -> int:
    while length := content.byte(position):
        position += 1 + length
    return position + 1


# RIFF: chunks within one chunk.
_CHUNK_KIND = re.compile(rb"[A-Za-z0-9 ]{4}")
_LENGTH_UNKNOWN = 0x7FFF0000
"""Writers that do not know the length state 0, or a value from this one on."""


def _webp_ends(content: _Content) -> bool:
    return _riff_ends(content, {b"VP8 ", b"VP8L", b"ANMF"})


def _wav_ends(content: _Content) -> bool:
    return _riff_ends(content, {b"data"})


def _riff_ends(content: _Content, wanted: set[bytes]) -> bool:
    """Read the chunks up to the end that the file states; if it states none, up to the last chunk."""
    stated, samples = _stated_lengths(content)
    is_miscounted = stated == content.size  # some writers also count the 8 bytes before
    if stated and not is_miscounted:
        content.has(stated + 8)
    position, end, found = 12, min(content.size, stated + 8 if stated else content.size), False
    while position + 8 <= end:
        kind, length = content.unpack("<4sI", position)
        if not stated and found and not (_CHUNK_KIND.fullmatch(kind) and length < _LIKELY_LENGTH):
            break
        if kind == b"data" and not 0 < length < _LENGTH_UNKNOWN:
            length = samples or content.size - position - 8
        found |= kind in wanted
        position = content.has(position + 8 + length)
        position += length % 2
    return found and not (is_miscounted and position < end)


def _stated_lengths(content: _Content) -> tuple[int, int]:
    """Return the length of the rest of the file, and the length of the samples of a long file; 0 if not stated."""
    if content.at(12, 4) == b"ds64":  # RF64 and BW64
        return content.unpack("<QQ", 20)
    (stated,) = content.unpack("<I", 4)
    return (stated if stated < _LENGTH_UNKNOWN else 0), 0


# MP4, MOV, HEIF and related formats: boxes within boxes.
_TOP_BOXES = set(
    b"ftyp styp moov mdat moof free skip wide pnot PICT udta meta uuid sidx ssix mfra emsg prft pdin mini".split()
)
_BOX_KIND = re.compile(rb"[A-Za-z0-9 ]{4}")
_PADDING = b"\0\t\n\r "
_TABLE_LIMIT = 1_000_000


@frozen
class _Box:
    kind: bytes
    start: int
    """The position of its content."""
    end: int
    is_open: bool
    """Whether it extends to the end of the file without a stated length."""


def _boxes_end(content: _Content) -> bool:
    """Whether the index and the data of a movie or of pictures exist, and each fragment has its data."""
    boxes: dict[bytes, _Box] = {}
    for box in _boxes(content, 0, content.size):
        if box.kind in _TOP_BOXES:
            boxes[box.kind] = box
    if not boxes.keys() & {b"moov", b"moof"}:
        return b"mini" in boxes or (b"meta" in boxes and (b"mdat" in boxes or _holds_data(content, boxes[b"meta"])))
    if b"mdat" not in boxes or (b"moof" in boxes and boxes[b"moof"].start > boxes[b"mdat"].start):
        return False
    if boxes[b"mdat"].is_open and b"moov" in boxes:
        content.has(max(_track_ends(content, boxes[b"moov"])))
    return True


def _holds_data(content: _Content, meta: _Box) -> bool:
    return any(box.kind == b"idat" for box in _boxes(content, meta.start + 4, meta.end))


def _boxes(content: _Content, position: int, end: int) -> Iterator[_Box]:
    while position < end and (box := _box(content, position)):
        yield box
        position = content.has(box.end)


def _box(content: _Content, position: int) -> _Box | None:
    """Return the box at a position; None if there are only bytes after the end."""
    header = content.upto(position, 8)
    if len(header) < 8:
        if header.startswith(b"\0") and header.strip(_PADDING):  # like the length of a box
            raise _CutError
        return None
    length, kind = struct.unpack(">I4s", header)
    if not _is_box(length, kind) and not 8 <= length <= content.size - position:
        return None
    start = position + (16 if length == 1 else 8)
    is_open = length == 0
    if length == 1:
        length = max(16, content.number(position + 8, 8))
    return _Box(kind, start, content.size if is_open else position + length, is_open)


def _is_box(length: int, kind: bytes) -> bool:
    if kind in _TOP_BOXES:
        return length in {0, 1} or length >= 8
    return 8 <= length < _LIKELY_LENGTH and _BOX_KIND.fullmatch(kind) is not None


def _track_ends(content: _Content, moov: _Box) -> Iterator[int]:
    """Yield the end position of each track's samples."""
    yield 0
    for track in _boxes(content, moov.start, moov.end):
        inner = track if track.kind == b"trak" else None
        for kind in (b"mdia", b"minf", b"stbl"):
            inner = inner and _table(content, inner).get(kind)
        if inner:
            yield _samples_end(content, _table(content, inner))


def _table(content: _Content, box: _Box) -> dict[bytes, _Box]:
    return {inner.kind: inner for inner in _boxes(content, box.start, box.end)}


def _samples_end(content: _Content, tables: dict[bytes, _Box]) -> int:
    """Return the end of the last chunk, from the tables of chunk offsets, samples per chunk, and sample sizes."""
    if not {b"stsz", b"stsc"} <= tables.keys() or not {b"stco", b"co64"} & tables.keys():
        return 0
    large = b"co64" in tables
    offsets = _numbers(content, tables[b"co64" if large else b"stco"], 8, "Q" if large else "I")
    runs = _numbers(content, tables[b"stsc"], 8, "I")
    sums = [0, *accumulate(_numbers(content, tables[b"stsz"], 12, "I"))]  # empty if all have one size
    samples = accumulate(_samples_in_chunks(runs, len(offsets)), initial=0)
    bounds = pairwise(sums[min(number, len(sums) - 1)] for number in samples)
    return max((offset + end - start for offset, (start, end) in zip(offsets, bounds, strict=False)), default=0)


def _samples_in_chunks(runs: Sequence[int], chunks: int) -> Iterator[int]:
    """Yield each chunk's number of samples. The table states it once for a run of chunks with the same number."""
    firsts = [*runs[::3], chunks + 1]
    for count, (first, following) in zip(runs[1::3], pairwise(firsts), strict=False):
        yield from repeat(count, min(following, chunks + 1) - first)


def _numbers(content: _Content, box: _Box, before: int, layout: str) -> Sequence[int]:
    """Return the numbers of a table; no numbers if the table is too large to be read."""
    count = (box.end - box.start - before) // struct.calcsize(layout)
    if not 0 < count <= _TABLE_LIMIT:
        return ()
    content.file.seek(box.start + before)
    return struct.unpack(f">{count}{layout}", content.file.read(count * struct.calcsize(layout)))


# WebM and Matroska: elements within elements.
_SEGMENT, _CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_ELEMENTS = {
    _SEGMENT,
    _CLUSTER,
    *(b"\x1a\x45\xdf\xa3", b"\xec", b"\xbf"),  # EBML, Void, CRC-32
    *(b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b"),  # SeekHead, Info, Tracks
    *(b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67", b"\x10\x43\xa7\x70", b"\x19\x41\xa4\x69"),  # Cues, Tags, ...
    *(b"\xe7", b"\xa7", b"\xab", b"\xa3", b"\xa0", b"\xaf", b"\x58\x54"),  # of a Cluster: Timestamp, SimpleBlock, ...
}
_FRAMES = {_CLUSTER, b"\xa3", b"\xa0", b"\xaf"}


def _matroska_ends(content: _Content) -> bool:
    """Whether the segment is complete. If its length is unknown, it is read up to the last element."""
    position, has_frames = 0, False
    while element := _element(content, position):
        name, start, length = element
        position = start if length is None else content.has(start + length)
        if name == _SEGMENT and length is not None:
            return True
        has_frames |= name in _FRAMES and position > start
    return has_frames


def _element(content: _Content, position: int) -> tuple[bytes, int, int | None] | None:
    """Return an element's name, the position of its content, and its length; None if there is no known element."""
    name = content.upto(position, 4)
    name = name[: 9 - name[0].bit_length()] if name else name
    if name not in _ELEMENTS:
        if name and any(known.startswith(name) for known in _ELEMENTS):
            raise _CutError
        return None
    position += len(name)
    width = 9 - content.byte(position).bit_length()
    longest = (1 << 7 * width) - 1
    length = content.number(position, width) & longest if width < 9 else longest
    if length < longest:
        return name, position + width, length
    return (name, position + width, None) if name in {_SEGMENT, _CLUSTER} else None


_OGG_PAGE = re.compile(b"OggS")
_FIRST_PAGE, _LAST_PAGE = 2, 4


def _ogg_ends(content: _Content) -> bool:
    """Whether each stream has its last page."""
    position, streams = 0, set[int]()
    while streams or content.upto(position, 4) == b"OggS":
        position = _search(content, _OGG_PAGE, position)
        kind, serial, segments = content.unpack("<5xB8xI8xB", position)
        position += 27 + segments
        position = content.has(position + sum(content.at(position - segments, segments)))
        if kind & _FIRST_PAGE:
            streams.add(serial)
        if kind & _LAST_PAGE:
            streams.discard(serial)
    return True


# MP3: frames between tags. The header of a frame gives its length.
_RATED = bytes(byte for byte in range(0x10, 0xF0) if byte & 0x0C != 0x0C)
_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][" + re.escape(_RATED) + b"]")
_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KILOBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES = (44100, 48000, 32000)
_WITH_SIZE = re.compile(rb"(?:Xing|Info)\0\0\0([\x02\x03\x06\x07\x0a\x0b\x0e\x0f])")


def _mp3_ends(content: _Content) -> bool:
    position = _after_tags(content)
    beginning = content.upto(position, _BLOCK)
    if len(beginning) < 4:
        return False
    found = _FRAME.search(beginning)
    if found is None:  # something else follows a tag
        return True
    first = position = position + found.start()
    content.has(_size_in_header(content.upto(first, 64)))
    while _FRAME.match(header := content.upto(position, 4)):
        position = content.has(position + _frame_length(header))
    if header and b"TAG".startswith(header[:3]):
        content.has(position + 128)
    return not (header and content.at(first, 2).startswith(header))


def _after_tags(content: _Content) -> int:
    position = 0
    while content.upto(position, 3) == b"ID3":
        has_footer = content.byte(position + 5) & 0x10
        length = 0
        for byte in content.at(position + 6, 4):
            length = length << 7 | byte & 0x7F
        position = content.has(position + 10 + length + (10 if has_footer else 0))
    return position


def _size_in_header(first_frame: bytes) -> int:
    """Return the size of all frames, as the Xing header in the first frame states it; 0 without such a header."""
    found = _WITH_SIZE.search(first_frame)
    if found is None:
        return 0
    place = found.end() + (4 if found[1][0] & 1 else 0)
    return int.from_bytes(first_frame[place : place + 4])


def _frame_length(header: bytes) -> int:
    version, flags = header[1] >> 3 & 3, header[2]
    rate = _RATES[flags >> 2 & 3] >> (3 - version + 1) // 2
    kilobits = (_KILOBITS if version == 3 else _KILOBITS_LOW)[flags >> 4]
    return (144 if version == 3 else 72) * 1000 * kilobits // rate + (flags >> 1 & 1)


# ZIP: a record at the end of the file describes the directory before it. A long directory has a second, 64-bit record.
_END_OF_DIRECTORY = re.compile(rb"PK\x05\x06")
_CANDIDATES = 8
"""The number of positions, from the last one on, that are tried as the record."""
_STATED_ELSEWHERE = {0xFFFF, 0xFFFFFFFF}


def _zip_ends(content: _Content) -> bool:
    """Whether the end record and each entry of its directory exist. A comment has at most 64 KiB."""
    found = deque[int](maxlen=_CANDIDATES)
    position = max(0, content.size - 2 * _BLOCK)
    with suppress(_CutError):  # no further position
        while True:
            position = _search(content, _END_OF_DIRECTORY, position)
            found.appendleft(position)
            position += 4
    return any(_directory_ends(content, position) for position in found)


def _directory_ends(content: _Content, end: int) -> bool:
    try:
        entries, length, start, comment = content.unpack("<10xHIIH", end)
        content.has(end + 22 + comment)
        if {entries, length, start} & _STATED_ELSEWHERE:
            entries, length, start, end = _long_directory(content, end)
        position: int = end - length
        if position < start:  # it may be greater: a self-extracting program may precede the archive
            return False
        if not entries and content.at(0, 4) == b"PK\3\4":
            return False
        for _ in range(entries):
            if content.at(position, 4) != b"PK\1\2":
                return False
            position += 46 + sum(content.unpack("<28xHHH", position))
    except _CutError:
        return False
    return position <= end


def _long_directory(content: _Content, end: int) -> tuple[int, int, int, int]:
    """Return the number of entries, length, start and end of a directory, from its 64-bit record if there is one."""
    entries, length, start = content.unpack("<10xHII", end)
    position = end - 20 - 56
    if position < 0 or content.at(position, 4) != b"PK\6\6" or content.at(end - 20, 4) != b"PK\6\7":
        return entries, length, start, end
    entries, length, start = content.unpack("<32xQQQ", position)
    return entries, length, start, position


_CHECKS: dict[str, Callable[[_Content], bool]] = {
    "image/jpeg": _jpeg_ends,
    "image/png": _png_ends,
    "image/webp": _webp_ends,
    "image/gif": _gif_ends,
    "image/avif": _boxes_end,
    "image/heic": _boxes_end,
    "image/heif": _boxes_end,
    "video/mp4": _boxes_end,
    "video/quicktime": _boxes_end,
    "video/3gpp": _boxes_end,
    "audio/mp4": _boxes_end,
    "video/webm": _matroska_ends,
    "video/x-matroska": _matroska_ends,
    "video/ogg": _ogg_ends,
    "audio/ogg": _ogg_ends,
    "audio/wav": _wav_ends,
    "audio/mpeg": _mp3_ends,
    "application/zip": _zip_ends,
}
