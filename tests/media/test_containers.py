"""Containers: a file that was cut is not whole, and a whole file stays whole with bytes after its end."""

import io
import struct
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from cometrunway._media._containers import is_whole, tells_its_end
from cometrunway._media._kinds import UNKNOWN, recognise
from cometrunway.emulator._clip import picture, sound, video

SAMPLES = Path(__file__).parent / "samples"
LAST = 2000
"""Lengths that a file is cut to, counted from its end."""
SHORTEST = 64
"""Bytes that tell every kind."""


def box(kind: bytes, content: bytes = b"") -> bytes:
    """Return one MP4 box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def riff(kind: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a RIFF file."""
    body = b"".join(struct.pack("<4sI", *(name, len(held))) + held + b"\0" * (len(held) % 2) for name, held in chunks)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), kind) + body


def segment(marker: int, content: bytes) -> bytes:
    """Return one segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def element(name: bytes, content: bytes, *, is_open: bool = False) -> bytes:
    """Return one element of a WebM, with its length in 8 bytes."""
    return name + (b"\x01" + b"\xff" * 7 if is_open else struct.pack(">Q", 1 << 56 | len(content))) + content


def index(*chunks: int, sizes: tuple[int, ...] = (10,), large: bool = False) -> bytes:
    """Return a moov of one track whose chunks of one sample each begin at these offsets."""
    numbers = [len(chunks), *chunks]
    offsets = (
        box(b"co64", struct.pack(f">II{len(chunks)}Q", 0, *numbers)) if large else box(b"stco", words(0, *numbers))
    )
    tables = box(b"stsc", words(0, 1, 1, 1, 1)) + box(b"stsz", words(0, 0, len(sizes), *sizes)) + offsets
    return box(b"moov", box(b"mvhd") + box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", tables)))))


def words(*values: int) -> bytes:
    """Return numbers of 32 bits."""
    return struct.pack(f">{len(values)}I", *values)


def archive(*names: str, comment: bytes = b"", before: bytes = b"") -> bytes:
    """Return a ZIP of files with these names, behind something else."""
    file = io.BytesIO(before)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(name, name * 20)
        opened.comment = comment
    return file.getvalue()


def long_archive() -> bytes:
    """Return a ZIP whose directory is told of in 64 bits."""
    content = archive("a.png", "b.png")
    entries, length, start = struct.unpack("<10xHII2x", content[-22:])
    end = len(content) - 22
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:-22] + record + locator + last


MP4 = box(b"ftyp", b"isom") + box(b"moov", b"m" * 20) + box(b"mdat", b"d" * 50)
PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"h" * 13) + chunk(b"IDAT", b"d" * 30) + chunk(b"IEND")
JPEG = b"\xff\xd8" + segment(0xE0, b"j" * 20) + segment(0xDA, b"s" * 10) + b"d" * 20 + b"\xff\xd9"
WEBP = riff(b"WEBP", (b"VP8 ", b"w" * 20))
WHOLE = {"video/mp4": MP4, "image/png": PNG, "image/jpeg": JPEG, "image/webp": WEBP}


def whole(content: bytes) -> bool:
    """Whether a file is whole, by the kind that its first bytes tell."""
    media = recognise(content[:512])
    assert media is not None
    assert tells_its_end(media.media_type)
    return is_whole(io.BytesIO(content), media.media_type)


def accepted(content: bytes, shortest: int = SHORTEST) -> list[int]:
    """Return to which of its last lengths a file can be cut and is taken for whole."""
    return [length for length in range(max(shortest, len(content) - LAST), len(content)) if whole(content[:length])]


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_whole_file_is_whole(media_type: str) -> None:
    """What reaches its declared end is believed."""
    assert is_whole(io.BytesIO(WHOLE[media_type]), media_type)


@pytest.mark.parametrize("media_type", WHOLE)
def test_a_file_cut_anywhere_is_not_whole(media_type: str) -> None:
    """Every truncation is found, at whatever byte."""
    whole = WHOLE[media_type]
    assert not [length for length in range(12, len(whole)) if is_whole(io.BytesIO(whole[:length]), media_type)]


MADE = {
    "sound.wav": riff(b"WAVE", (b"fmt ", bytes(16)), (b"data", bytes(range(256)) * 12), (b"LIST", b"INFO")),
    "odd.wav": riff(b"WAVE", (b"fmt ", bytes(16)), (b"data", bytes(3001))),
    "emulated.mp4": video((9, 16), tint=1, mark="").content[:-8],  # without the box that marks it
    "emulated.png": picture((16, 9), tint=1, mark="test").content,
    "emulated.ogg": sound(".ogg", tint=1, mark="test").content,
    "frames.zip": archive(*(f"frame-{number}.png" for number in range(20)), comment=b"made by a task"),
    "long.zip": long_archive(),
    "none.zip": archive(),
}
ENCODED = sorted(path.name for path in SAMPLES.iterdir() if path.suffix != ".md" and path.stem != "two-images")


def sample(name: str) -> bytes:
    """Return a whole file."""
    return MADE[name] if name in MADE else (SAMPLES / name).read_bytes()


@pytest.mark.parametrize("name", [*MADE, *ENCODED])
def test_no_file_that_was_cut_is_accepted(name: str) -> None:
    """Of a file of each kind, cut at each of its last 2,000 lengths, 0 are accepted."""
    assert accepted(sample(name)) == []


AFTER = {
    "nothing": b"",
    "1,023 zeros": bytes(1023),
    "a newline": b"\n",
    "CRLF": b"\r\n",
    "1 zero": bytes(1),
    "4 zeros": bytes(4),
    "16 random bytes": Random(7).randbytes(16),
    "text": b"<!-- 2 KB were here --> and free of charge",
    "digits": b"0" * 40,
}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("name", [*MADE, *ENCODED, "two-images.jpg"])
def test_what_is_whole_stays_whole_with_bytes_after_its_end(name: str, after: str) -> None:
    """What follows the end says nothing about the file."""
    assert whole(sample(name) + AFTER[after])


def test_a_flipped_bit_in_a_png_is_found() -> None:
    """PNG chunks carry checksums, and they are verified."""
    for position in range(8, len(PNG)):
        damaged = bytearray(PNG)
        damaged[position] ^= 1
        assert not is_whole(io.BytesIO(damaged), "image/png")


@pytest.mark.parametrize(
    "mp4",
    [
        box(b"ftyp") + box(b"mdat", b"d"),
        box(b"ftyp") + box(b"moov"),
        b"\0\0\0\x04free",
        b"\0\0\0\x01mdat\0\0\0\0",
        box(b"moov") + box(b"moof") + box(b"mdat") + box(b"moof"),
    ],
    ids=["no moov", "no mdat", "impossible length", "cut in a long length", "a fragment without data"],
)
def test_an_mp4_that_cannot_play_is_not_whole(mp4: bytes) -> None:
    """An MP4 needs its index and its data, in boxes of possible lengths."""
    assert not is_whole(io.BytesIO(mp4), "video/mp4")


def test_long_and_open_boxes_are_read() -> None:
    """A box may have a 64-bit length, and the last one may reach to the end of the file."""
    long_box = struct.pack(">I4sQ", 1, b"mdat", 16 + 10) + b"d" * 10
    assert is_whole(io.BytesIO(box(b"moov") + long_box), "video/mp4")
    assert is_whole(io.BytesIO(box(b"moov") + b"\0\0\0\0mdat" + b"d" * 10), "video/mp4")


@pytest.mark.parametrize("large", [False, True])
def test_the_end_of_an_open_box_is_told_by_the_index(large: bool) -> None:
    """Where a length of 0 lets the last box end anywhere, the table of samples says how far it must reach."""
    head = box(b"ftyp", b"isom")
    size = len(head + index(0, 0, sizes=(100, 3000), large=large)) + 8
    movie = head + index(size, size + 100, sizes=(100, 3000), large=large) + b"\0\0\0\0mdat" + bytes(3100)
    assert whole(movie)
    assert accepted(movie) == []


def test_an_index_whose_samples_are_of_one_size_is_read() -> None:
    """Its offsets alone count; an empty table, or none, asks for nothing."""
    data = b"\0\0\0\0mdat" + bytes(100)
    assert whole(box(b"ftyp", b"isom") + index(50, sizes=()) + data)
    assert not whole(box(b"ftyp", b"isom") + index(5000, sizes=()) + data)
    assert whole(box(b"ftyp", b"isom") + index(sizes=()) + data)
    assert whole(box(b"ftyp", b"isom") + box(b"moov", box(b"trak")) + data)


@pytest.mark.parametrize("first", [b"wide", b"free", b"skip", b"pnot"])
def test_a_mov_without_a_brand_is_judged_like_any(first: bytes) -> None:
    """Old QuickTime files begin with any box."""
    mov = box(first) + box(b"mdat", b"d" * 50) + box(b"moov", b"m" * 50)
    assert whole(mov)
    assert accepted(mov, 16) == []


def test_a_segment_of_a_stream_needs_no_moov() -> None:
    """An MP4 that begins with styp has its index in its fragments."""
    assert whole(box(b"styp", b"msdh") + box(b"sidx") + box(b"moof", bytes(9)) + box(b"mdat", bytes(9)))


@pytest.mark.parametrize(
    "picture",
    [
        box(b"ftyp", b"avif") + box(b"meta", bytes(4)) + box(b"mdat", b"d"),
        box(b"ftyp", b"avif") + box(b"mdat", b"d") + box(b"meta", bytes(4)),
        box(b"ftyp", b"heic") + box(b"meta", bytes(4) + box(b"idat", b"d")),
        box(b"ftyp", b"mif3avif") + box(b"mini", b"d"),
        box(b"ftyp", b"avis") + box(b"moov") + box(b"mdat", b"d"),
        box(b"ftyp", b"new.") + box(b"meta", bytes(4)) + box(b"mdat", b"d"),
    ],
)
def test_pictures_in_boxes_are_whole_with_their_data(picture: bytes) -> None:
    """The data of an AVIF or HEIC is in a box of its own or within the index; also of an unknown brand."""
    assert whole(picture)
    assert accepted(picture, 16) == []


def test_thumbnails_do_not_end_a_jpeg() -> None:
    """An image within a segment is skipped with it; filling bytes and restart markers are data."""
    inner = segment(0xE1, b"Exif\0\0" + JPEG)
    scans = segment(0xDA, b"s") + b"\xff\0\xff\xd0\xff\xff" + segment(0xC4, b"t") + segment(0xDA, b"s") + b"dd"
    jpeg = b"\xff\xd8" + inner + scans + b"\xff\xff\xd9"
    assert whole(jpeg)
    assert accepted(jpeg, 12) == []


def test_a_marker_is_found_across_blocks() -> None:
    """However long the data is: files are read in blocks."""
    for length in range(65_520, 65_545):
        jpeg = JPEG[:-2] + bytes(length) + b"\xff\xd9"
        assert whole(jpeg)
        assert not whole(jpeg[:-1])


SOUND = (b"fmt ", bytes(16)), (b"data", b"ab" * 50)


@pytest.mark.parametrize(("stated", "samples"), [(0xFFFFFFFF, 0xFFFFFFFF), (0, 0), (0x7FFFF024, 0x7FFFF000), (36, 0)])
def test_a_wav_that_was_streamed_is_whole_at_any_length(stated: int, samples: int) -> None:
    """A writer that could not go back states no length, in one of several ways."""
    streamed = b"RIFF" + struct.pack("<I", stated) + riff(b"WAVE", SOUND[0])[8:] + b"data" + struct.pack("<I", samples)
    assert whole(streamed + b"ab" * 500)
    assert whole(streamed + b"LIST" * 500)


def test_a_long_wav_states_its_lengths_elsewhere() -> None:
    """RF64 has 64-bit lengths in a chunk of their own."""
    body = riff(b"WAVE", (b"ds64", struct.pack("<QQQI", 192, 100, 50, 0)), *SOUND, (b"LIST", bytes(12)))
    wav = b"RF64\xff\xff\xff\xff" + body[8:].replace(b"data\x64\0\0\0", b"data\xff\xff\xff\xff")
    assert len(wav) == 192 + 8
    assert whole(wav)
    assert accepted(wav) == []


def test_a_length_that_counts_its_own_header_is_believed() -> None:
    """Some writers state the length of the whole file, and nothing is missing."""
    wav = bytearray(riff(b"WAVE", *SOUND))
    wav[4:8] = struct.pack("<I", len(wav))
    assert whole(bytes(wav))
    assert not whole(bytes(wav[:-1]))


def test_a_webm_of_unknown_length_is_walked() -> None:
    """A live WebM is whole after any of its elements, and cut within one."""
    header = element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x84webm" + bytes(60))
    blocks = [element(b"\xa3", bytes(size)) for size in (50, 200, 90)]
    clusters = element(b"\x1f\x43\xb6\x75", element(b"\xe7", b"\0") + b"".join(blocks), is_open=True) * 2
    webm = header + element(b"\x18\x53\x80\x67", element(b"\x16\x54\xae\x6b", b"t") + clusters, is_open=True)
    assert whole(webm)
    assert whole(webm + element(b"\x1c\x53\xbb\x6b", b"cues"))
    sound = accepted(webm)
    assert len(sound) == 5 + 2  # after each block but the last, the second cluster's header and its time stamp
    assert sum(after - before > 40 for before, after in pairwise([*sound, len(webm)])) == 5


def test_a_webm_without_a_frame_is_not_whole() -> None:
    """Its header alone is nothing to show."""
    assert not whole(element(b"\x1a\x45\xdf\xa3", b"\x42\x82\x84webm"))
    assert not is_whole(io.BytesIO(b"\x1a\x45\xdf\xa3"), "video/webm")


def page(serial: int, kind: int, content: bytes = b"d" * 300) -> bytes:
    """Return one page of an Ogg."""
    lengths = b"\xff" * (len(content) // 255) + bytes([len(content) % 255])
    return struct.pack("<4sBBqIIIB", b"OggS", 0, kind, 0, serial, 0, 0, len(lengths)) + lengths + content


def test_an_ogg_ends_with_the_last_page_of_each_stream() -> None:
    """Several streams at once, or one after another."""
    ogg = page(1, 2) + page(2, 2) + page(1, 0) + page(2, 4) + page(1, 4)
    assert whole(ogg)
    assert accepted(ogg) == []
    assert accepted(ogg + page(3, 2) + page(3, 4), len(ogg) + 4) == []
    assert whole(page(1, 2) + b"junk" + page(1, 6))


FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""An MP3 frame of 128 kbit/s at 44.1 kHz: 417 bytes."""


def test_an_mp3_is_walked_from_frame_to_frame() -> None:
    """Behind tags, and before others; a cut within a frame or a tag is found."""
    tag = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)
    assert whole(tag + FRAME * 5)
    assert accepted(tag + FRAME * 5) == [len(tag) + 417 * count for count in range(1, 5)]
    assert accepted(FRAME + b"TAG" + bytes(125)) == [len(FRAME)]
    assert whole(FRAME * 3 + b"APETAGEX" + bytes(50))
    assert whole(FRAME + b"\xff\xfb\x92\x64" + bytes(414))  # one byte of padding


@pytest.mark.parametrize(("flags", "counts"), [(2, ()), (3, (9,)), (15, (9,))])
def test_an_mp3_with_a_header_tells_its_size(flags: int, counts: tuple[int, ...]) -> None:
    """With a Xing or Info header a cut between two frames is found too."""
    for name in (b"Xing", b"Info"):
        header = name + words(flags, *counts, 417 * 5)
        first = (FRAME[:36] + header).ljust(417, b"\0")
        assert whole(first + FRAME * 4)
        assert accepted(first + FRAME * 4) == []


def test_a_gif_is_walked_from_block_to_block() -> None:
    """With colour tables of its own for an image, and with zeros between blocks, as faulty writers leave them."""
    image = b"," + bytes(8) + b"\x81" + bytes(12) + b"\x02" + b"\x05ddddd\0"
    gif = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b"!\xfe\x03abc\0" + image + b"\0" + image + b";"
    assert whole(gif)
    assert accepted(gif, 12) == []
    assert not whole(b"GIF89a\1\0\1\0\0\0\0;")


def test_a_zip_is_whole_with_its_directory_only() -> None:
    """Behind a program that unpacks it, too; a part in its middle that is missing, or a wrong count, is found."""
    content = archive("a.png", "b.png", comment=b"PK\5\6" + bytes(30))
    assert is_whole(io.BytesIO(archive("a.png", before=b"#!/bin/sh\n")), "application/zip")
    assert whole(content)
    assert not whole(content[:40] + content[60:])
    place = content.index(b"PK\5\6") + 10
    assert not whole(content[:place] + b"\3" + content[place + 1 :])


def test_a_kind_that_does_not_tell_its_end_is_known() -> None:
    """FLAC declares no end, and the end of an unknown kind is not known: these are not verified."""
    for media_type in (UNKNOWN.media_type, "audio/flac"):
        assert not tells_its_end(media_type)
        assert is_whole(io.BytesIO(b"anything"), media_type)


def test_a_large_file_is_not_held_in_memory() -> None:
    """Whatever its size, a file is read in blocks."""

    class Watched(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            Watched.most = max(Watched.most, len(found))
            return found

    for content in (
        JPEG[:-2] + bytes(5_000_000) + b"\xff\xd9",
        PNG[:-12] + chunk(b"IDAT", bytes(5_000_000)) + PNG[-12:],
        archive(*(f"{number}" * 1000 for number in range(1000))),
    ):
        media = recognise(content[:512])
        assert media is not None
        assert is_whole(Watched(content), media.media_type)
    assert 0 < Watched.most < 100_000
