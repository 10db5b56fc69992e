"""Kinds of files: known by their first bytes, whatever the file is called; text is told from an unknown kind."""

import pytest

from cometrunway._media._kinds import BEGINNING, is_text, recognise, sniff


@pytest.mark.parametrize(
    ("first_bytes", "extension"),
    [
        (b"GIF87a\x01\0\x01\0", ".gif"),
        (b"GIF89a\x01\0\x01\0", ".gif"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", ".avif"),
        (b"\0\0\0\x20ftypavis\0\0\0\0avis", ".avif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", ".avif"),
        (b"\0\0\0\x18ftypmif3avif", ".avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", ".heic"),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1", ".heif"),
        (b"\0\0\0\x14ftypqt  ", ".mov"),
        (b"\0\0\0\x08wide\0\0\0\x10mdat", ".mov"),
        (b"\0\0\0\x08free\0\0\0\x10mdat", ".mov"),
        (b"\0\0\0\x08skip\0\0\0\x10mdat", ".mov"),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", ".mov"),
        (b"\0\0\0\x14pnot", ".mov"),
        (b"\x31\x32\x33\x34mdat", ".mov"),
        (b"\0\0\0\x01mdat\0\0\0\0", ".mov"),
        (b"\0\0\0\x18stypmsdh", ".mp4"),
        (b"\0\0\0\x2csidx", ".mp4"),
        (b"\0\0\0\x64moof", ".mp4"),
        (b"\0\0\0\x18ftypisom", ".mp4"),
        (b"\0\0\0\x18ftypM4V ", ".mp4"),
        (b"\0\0\0\x18ftypM4A ", ".m4a"),
        (b"\0\0\0\x18ftyp3gp4", ".3gp"),
        (b"ID3\x04\0\0\0\0\0\x23TSSE", ".mp3"),
        (b"\xff\xfb\x90\x64", ".mp3"),
        (b"\xff\xf3\x40\xc0", ".mp3"),
        (b"\xff\xe3\x28\xc4", ".mp3"),
        (b"RIFF\x24\0\0\0WAVEfmt ", ".wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", ".wav"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis", ".ogg"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x2a\x80theora", ".ogv"),
        (b"fLaC\0\0\0\x22", ".flac"),
        (b"PK\x03\x04\x14\0", ".zip"),
        (b"PK\x05\x06" + bytes(18), ".zip"),
        (b"\x1aE\xdf\xa3\x93\x42\x82\x88matroska", ".mkv"),
    ],
)
def test_what_gateways_deliver_is_known(first_bytes: bytes, extension: str) -> None:
    """Each kind has the suffix of what it is, also a MOV or MP4 whose first box is none of the usual ones."""
    found = recognise(first_bytes)
    assert found is not None
    assert found.extension == extension


@pytest.mark.parametrize(
    "first_bytes",
    [
        b"",
        b"\0\0\0\x18ftyp",
        b"\0\0\0\x18ftypjp2 ",
        b"\0\0\0\x18ftypcrx ",
        b"RIFF\x24\0\0\0AVI LIST",
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01",
        b"100 free seconds are used up",
        b"ID3 is a format of tags",
        b"\xff\xf1\x50\x80",
        b"\xff\xfe<\0h\0",
        b"glTF\x02\0\0\0",
        b"PK is the beginning of an archive",
    ],
)
def test_nothing_else_is_taken_for_them(first_bytes: bytes) -> None:
    """Relatives of a known kind, and texts that mention one, are of no known kind."""
    assert recognise(first_bytes) is None


@pytest.mark.parametrize("first_bytes", [b"fLaC", b"\0\0\0\x18ftypM4A ", b"\x1aE\xdf\xa3matroska"])
def test_only_what_a_request_may_have_is_an_input(first_bytes: bytes) -> None:
    """What is delivered may be of more kinds than what is sent."""
    assert recognise(first_bytes) is not None
    assert sniff(first_bytes) is None


PAGES = [
    "<!doctype html><title>Gone</title>",
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    '{"error": {"message": "soon"}}',
    '[{"error": "nö"}]',
    "upstream request timeout",
    "找不到文件",
    "error\tno such\r\nfile\f",
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("before", ["", " ", "\r\n\t  "])
def test_a_page_is_text(page: str, encoding: str, before: str) -> None:
    """HTML, XML, JSON and plain messages are text in any encoding, behind a byte order mark and white space too."""
    assert is_text((before + page).encode(encoding, "ignore")[:BEGINNING])


@pytest.mark.parametrize("page", [page for page in PAGES if page[0] in "<{["])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_page_is_text_without_its_byte_order_mark(page: str, encoding: str) -> None:
    """What a page begins with is seen in any width of its characters."""
    assert is_text(page.encode(encoding))


@pytest.mark.parametrize(
    "first_bytes", [b"glTF\x02\0\0\0 and more", b"PK\x03\x04\x14", bytes(range(256)), bytes(512), b"\x1f\x8b\x08\0"]
)
def test_bytes_of_an_unknown_kind_are_no_text(first_bytes: bytes) -> None:
    """A control character is in the beginning of every binary format."""
    assert not is_text(first_bytes)
