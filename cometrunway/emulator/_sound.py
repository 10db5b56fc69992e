"""The sounds that emulated tasks make: a tone as WAV, and silence as MP3 or Ogg Opus, without a codec library."""

import math
import struct

_RATE = 8000
_SECONDS = 0.5
_SILENT_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""MPEG-1 layer III, 128 kbit/s at 44,100 Hz. Side information of zeros means silence."""
_FRAMES = 20
_OPUS_RATE = 48000
_OPUS_SILENCE = b"\xf8\xff\xfe"
"""A packet of 20 ms of silence, of one channel (RFC 6716)."""
_OPUS_SAMPLES = _OPUS_RATE // 50
_OPUS_PACKETS = 25
_FIRST_PAGE, _LAST_PAGE = 2, 4


def wav(*, tint: int, mark: str) -> bytes:
    """Half a second of a tone, 8 kHz and 16 bits, made unique by a `mark` in a comment."""
    pitch = 220 * 2 ** (tint / 12)
    count = int(_RATE * _SECONDS)
    samples = [round(8000 * math.sin(2 * math.pi * pitch * number / _RATE)) for number in range(count)]
    chunks = (
        _chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, _RATE, 2 * _RATE, 2, 16)),
        _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", mark.encode())),
        _chunk(b"data", struct.pack(f"<{count}h", *samples)),
    )
    return _chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def mp3(*, mark: str) -> bytes:
    """Half a second of silence, made unique by a `mark` in a tag."""
    text = b"\x03mark\0" + mark.encode()
    frame = b"TXXX" + _syncsafe(len(text)) + b"\0\0" + text
    return b"ID3\x04\0\0" + _syncsafe(len(frame)) + frame + _SILENT_FRAME * _FRAMES


def ogg(*, mark: str) -> bytes:
    """Half a second of silence in Ogg Opus (RFC 7845), made unique by a `mark` in a comment."""
    head = struct.pack("<8sBBHIHB", b"OpusHead", 1, 1, 0, _OPUS_RATE, 0, 0)
    comment = f"mark={mark}".encode()
    tags = b"OpusTags" + _counted(b"emulator") + struct.pack("<I", 1) + _counted(comment)
    sounds = [_OPUS_SILENCE] * _OPUS_PACKETS
    return (
        _page([head], number=0, kind=_FIRST_PAGE)
        + _page([tags], number=1)
        + _page(sounds, number=2, kind=_LAST_PAGE, samples=_OPUS_PACKETS * _OPUS_SAMPLES)
    )


def _counted(text: bytes) -> bytes:
    return struct.pack("<I", len(text)) + text


def _page(packets: list[bytes], *, number: int, kind: int = 0, samples: int = 0) -> bytes:
    """Return a page of Ogg (RFC 3533): packets, each cut into segments of 255 bytes and a shorter one."""
    segments = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, samples, 1, number, 0, len(segments)) + segments
    page = bytearray(header + b"".join(packets))
    page[22:26] = struct.pack("<I", _ogg_checksum(page))
    return bytes(page)


def _ogg_checksum(page: bytes | bytearray) -> int:
    """Return the CRC with the polynomial 0x04C11DB7, not reflected, from 0."""
    found = 0
    for byte in page:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ (0x04C11DB7 if found & 0x80000000 else 0)) & 0xFFFFFFFF
    return found


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
