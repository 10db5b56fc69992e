"""A minimal H.264 encoder: each macroblock is raw samples (I_PCM) or the same as in the frame before (P_Skip).

It needs no transform, no prediction and no entropy tables, and every decoder can play its output. Constrained Baseline
profile, 4:2:0, eight bits, CAVLC. Section numbers are those of ITU-T H.264.
"""

import re
from collections.abc import Sequence

from attrs import frozen

_PROFILE, _CONSTRAINTS, _LEVEL = 66, 0xC0, 30
_I_PCM_IN_I, _I_PCM_IN_P = 25, 30
_START_CODE = re.compile(rb"\x00\x00(?=[\x00-\x03])")

Macroblock = bytes
"""256 luma samples in raster order, then 64 of Cb and 64 of Cr."""


@frozen(kw_only=True)
class Stream:
    """An encoded sequence: parameter sets and one NAL unit per frame, without start codes and lengths."""

    sps: bytes
    pps: bytes
    frames: tuple[bytes, ...]

    @property
    def configuration(self) -> bytes:
        """The AVCDecoderConfigurationRecord (`avcC`) of the stream, for four-byte NAL lengths."""
        head = bytes([1, _PROFILE, _CONSTRAINTS, _LEVEL, 0xFF, 0xE1])
        return head + _sized(self.sps) + b"\x01" + _sized(self.pps)


class _Bits:
    """Writes bits, most significant first, into bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._pending = 0
        self._width = 0

    def u(self, value: int, width: int) -> None:
        """Write an unsigned number of `width` bits."""
        self._pending = self._pending << width | value
        self._width += width
        while self._width >= 8:
            self._width -= 8
            self._bytes.append(self._pending >> self._width & 0xFF)
        self._pending &= (1 << self._width) - 1

    def ue(self, *values: int) -> None:
        """Write numbers in the unsigned Exp-Golomb code (9.1)."""
        for value in values:
            self.u(value + 1, 2 * (value + 1).bit_length() - 1)

    def flags(self, *values: int) -> None:
        """Write one bit for each value."""
        for value in values:
            self.u(value, 1)

    def raw(self, samples: bytes) -> None:
        """Pad with zeros to a whole byte, then write bytes."""
        self.u(0, -self._width % 8)
        self._bytes += samples

    def nal(self, header: int) -> bytes:
        """Close the payload (7.3.2.11) and wrap it as a NAL unit, start codes escaped (7.4.1)."""
        self.u(1, 1)
        self.raw(b"")
        return bytes([header]) + _START_CODE.sub(b"\x00\x00\x03", bytes(self._bytes))


def encode(frames: Sequence[Sequence[Macroblock]], *, width: int, height: int) -> Stream:
    """Encode frames, each a raster of macroblocks that covers `width` x `height` pixels (both even)."""
    first, *later = frames
    changes = (_changed(number, old, new) for number, (old, new) in enumerate(zip(frames, later, strict=False), 1))
    return Stream(sps=_sps(width, height), pps=_pps(), frames=(_intra(first), *changes))


def _sized(nal: bytes) -> bytes:
    return len(nal).to_bytes(2, "big") + nal


def _sps(width: int, height: int) -> bytes:
    columns, rows = -(-width // 16), -(-height // 16)
    bits = _Bits()
    bits.u(_PROFILE << 16 | _CONSTRAINTS << 8 | _LEVEL, 24)
    bits.ue(0, 4, 2, 1)  # id, 8-bit frame numbers, output in decoding order, one reference frame
    bits.flags(0)
    bits.ue(columns - 1, rows - 1)
    bits.flags(1, 1, 1)  # frames only, direct 8x8 inference, cropped
    bits.ue(0, (columns * 16 - width) // 2, 0, (rows * 16 - height) // 2)
    bits.flags(0)
    return bits.nal(0x67)


def _pps() -> bytes:
    bits = _Bits()
    bits.ue(0, 0)
    bits.flags(0, 0)  # CAVLC, no field order
    bits.ue(0, 0, 0)
    bits.u(0, 3)
    bits.ue(0, 0, 0)
    bits.flags(1, 0, 0)  # the slices switch the deblocking filter off
    return bits.nal(0x68)


def _intra(macroblocks: Sequence[Macroblock]) -> bytes:
    bits = _Bits()
    bits.ue(0, 7, 0)
    bits.u(0, 8)
    bits.ue(0)
    bits.flags(0, 0)
    bits.ue(0, 1)  # no change of the quantiser, no deblocking
    for macroblock in macroblocks:
        bits.ue(_I_PCM_IN_I)
        bits.raw(macroblock)
    return bits.nal(0x65)


def _changed(number: int, old: Sequence[Macroblock], new: Sequence[Macroblock]) -> bytes:
    bits = _Bits()
    bits.ue(0, 5, 0)
    bits.u(number % 256, 8)
    bits.flags(0, 0, 0)
    bits.ue(0, 1)
    skipped = 0
    for before, after in zip(old, new, strict=True):
        if before == after:
            skipped += 1
            continue
        bits.ue(skipped, _I_PCM_IN_P)
        bits.raw(after)
        skipped = 0
    if skipped:
        bits.ue(skipped)
    return bits.nal(0x41)
