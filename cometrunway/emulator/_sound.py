"""The sounds that emulated tasks make: a tone as WAV, and silence as MP3, without a codec library."""

import math
import struct

_RATE = 8000
_SECONDS = 0.5
_SILENT_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""MPEG-1 layer III, 128 kbit/s at 44,100 Hz. Side information of zeros means silence."""
_FRAMES = 20


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


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
