"""The encoder of emulated videos: a decoder that reads the standard's syntax finds every frame again."""

from random import Random

import pytest

from cometrunway.emulator._h264 import Macroblock, Stream, encode

SIZE = 384
"""The bytes of a macroblock."""


class Bits:
    """Reads the payload of a NAL unit."""

    def __init__(self, nal: bytes) -> None:
        self._bytes = nal[1:].replace(b"\0\0\3", b"\0\0")
        self._at = 0
        self._end = 8 * len(self._bytes)
        while not self._bit(self._end - 1):
            self._end -= 1
        self._end -= 1  # the bit that closes the payload

    def _bit(self, at: int) -> int:
        return self._bytes[at // 8] >> 7 - at % 8 & 1

    @property
    def has_more(self) -> bool:
        """Whether anything is left before the end of the payload."""
        return self._at < self._end

    def u(self, width: int) -> int:
        """Read an unsigned number."""
        value = 0
        for _ in range(width):
            value, self._at = value << 1 | self._bit(self._at), self._at + 1
        return value

    def ue(self) -> int:
        """Read a number in the unsigned Exp-Golomb code."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def raw(self, count: int) -> bytes:
        """Read bytes, from the next whole byte on."""
        start = -(-self._at // 8)
        self._at = 8 * (start + count)
        return self._bytes[start : start + count]


def intra(nal: bytes, count: int) -> list[Macroblock]:
    """Decode an I slice of raw macroblocks."""
    bits = Bits(nal)
    assert (nal[0], [bits.ue() for _ in range(3)], bits.u(8)) == (0x65, [0, 7, 0], 0)
    assert (bits.ue(), bits.u(2), bits.ue(), bits.ue()) == (0, 0, 0, 1)
    frame = []
    for _ in range(count):
        assert bits.ue() == 25
        frame.append(bits.raw(SIZE))
    assert not bits.has_more
    return frame


def predicted(nal: bytes, number: int, before: list[Macroblock]) -> list[Macroblock]:
    """Decode a P slice: macroblocks are skipped, or raw."""
    bits, frame = Bits(nal), list(before)
    assert (nal[0], [bits.ue() for _ in range(3)], bits.u(8)) == (0x41, [0, 5, 0], number)
    assert (bits.u(3), bits.ue(), bits.ue()) == (0, 0, 1)
    at = 0
    while bits.has_more:
        at += bits.ue()
        if bits.has_more:
            assert bits.ue() == 30
            frame[at] = bits.raw(SIZE)
            at += 1
    assert at == len(frame)
    return frame


def stream_of(frames: list[list[Macroblock]]) -> Stream:
    """Encode frames of 62 x 30 pixels."""
    return encode(frames, width=62, height=30)


def test_every_frame_is_found_again(rng: Random) -> None:
    """To the byte, whether nothing changed, a part or all, and whichever bytes are in it."""
    blocks = [bytes(SIZE), b"\0\0\1" * 128, *(rng.randbytes(SIZE) for _ in range(6))]
    frames = [[rng.choice(blocks) for _ in range(8)]]
    for changed in ([], [0], [7], [3, 4], range(8)):
        frames.append([rng.choice(blocks) if at in changed else block for at, block in enumerate(frames[-1])])
    first, *later = stream_of(frames).frames
    decoded = [intra(first, 8)]
    for number, nal in enumerate(later, 1):
        decoded.append(predicted(nal, number, decoded[-1]))
    assert decoded == frames


def test_no_payload_contains_a_start_code() -> None:
    """A player would take it for the beginning of the next unit."""
    [frame] = stream_of([[bytes(SIZE)] * 8]).frames
    assert not [code for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2") if code in frame]


def test_what_does_not_change_costs_nothing() -> None:
    """A frame that is the same as the one before has a few bytes."""
    still = [bytes(range(128)) * 3] * 8
    first, second = stream_of([still, still]).frames
    assert len(first) > 8 * SIZE
    assert len(second) < 12


@pytest.mark.parametrize(("width", "height"), [(62, 30), (64, 32), (208, 118)])
def test_the_parameters_state_the_size(width: int, height: int) -> None:
    """In macroblocks, with what is cut off at the right and at the bottom."""
    columns, rows = -(-width // 16), -(-height // 16)
    stream = encode([[bytes(SIZE)] * columns * rows], width=width, height=height)
    bits = Bits(stream.sps)
    assert bits.u(24) == 0x42C01E
    assert [bits.ue() for _ in range(4)] == [0, 4, 2, 1]
    assert bits.u(1) == 0
    assert [bits.ue() + 1, bits.ue() + 1] == [columns, rows]
    assert bits.u(3) == 0b111
    left, right, top, bottom = (bits.ue() for _ in range(4))
    assert (left, top) == (0, 0)
    assert (16 * columns - 2 * right, 16 * rows - 2 * bottom) == (width, height)
    assert stream.configuration[1:4] == stream.sps[1:4]
    assert stream.sps in stream.configuration
    assert stream.configuration.endswith(stream.pps)
