"""A batch file is decoded by its byte order mark, else by the encoding that is named, else as UTF-8."""

import json
import re
from pathlib import Path

import pytest

from cometrunway import ImageToVideo
from cometrunway._batch._files import BatchFileError, read_batch, read_shots
from cometrunway._batch._text import check_encoding
from tests.batch.written import CAT, OBJECTS, WANTED

ROWS = f"route;prompt_image;prompt_text\r\nimage_to_video;{CAT};Bär, 日本\r\n"
WIDE = ["utf-8-sig", "utf-16", "utf-32"]  # each with its byte order mark
MARKED = {name: ROWS.encode(name) for name in WIDE} | {
    "utf-16-be": b"\xfe\xff" + ROWS.encode("utf-16-be"),
    "utf-32-be": b"\x00\x00\xfe\xff" + ROWS.encode("utf-32-be"),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.parametrize("encoding", [None, "cp1252"])
def test_a_byte_order_mark_says_the_encoding(name: str, encoding: str | None, tmp_path: Path) -> None:
    """What PowerShell and spreadsheets write is read, whatever encoding is named beside."""
    (tmp_path / "a.csv").write_bytes(MARKED[name])
    [shot] = read_batch(tmp_path / "a.csv", encoding=encoding).shots
    assert shot.request == ImageToVideo(prompt_image=CAT, prompt_text="Bär, 日本")


def test_another_encoding_is_named(tmp_path: Path) -> None:
    """A file without a byte order mark is UTF-8, or in the encoding that the user names."""
    (tmp_path / "a.csv").write_bytes(
        b"route;prompt_image;prompt_text\r\n" + f"image_to_video;{CAT};Bär €".encode("cp1252")
    )
    [shot] = read_batch(tmp_path / "a.csv", encoding="cp1252").shots
    assert shot.request == ImageToVideo(prompt_image=CAT, prompt_text="Bär €")


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (
            b"route;key\r\nx;B\xe4r\r\n",
            None,
            "2: character 4: the byte 0xE4 is not UTF-8 (invalid continuation byte); ",
        ),
        (b"route;key\r\nx;B\xe4r\r\n", None, "add --encoding cp1252"),
        (b"route\r\rx\x81", "cp1252", "3: character 2: the byte 0x81 is not CP1252"),
        (b"route\n\xc3", "ascii", "2: character 1: the byte 0xC3 is not ASCII"),
        (ROWS.encode("utf-16-le"), None, "1: this is UTF-16-LE without a byte order mark; add --encoding utf-16-le"),
        (ROWS.encode("utf-16-be"), "cp1252", "add --encoding utf-16-be"),
        (ROWS.encode("utf-32-le"), None, "add --encoding utf-32-le"),
        (
            ROWS.encode("utf-16")[:-1],
            None,
            "3: character 1: the byte 0x0A is not UTF-16-LE (truncated data); the file is",
        ),
        (b"route,key\nx,a\0b\n", None, "2: character 4: a NUL character; the file is damaged or cut off"),
        (
            b"SQLite format 3\0\x10\0",
            None,
            "1: this is an SQLite database, such as a journal, no text; name a batch file",
        ),
        (b"\0\0\0\x18ftypisom\0\0\2\0\xf8", None, "1: this is a binary file, no text; name a batch file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "cp1252", "1: this is a binary file, no text; name a batch file"),
        (b"PK\x03\x04\x14\x00", None, "1: this is a workbook such as .xlsx, or an archive, no text; save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", None, "1: this is a workbook such as .xls, no text; save it as CSV"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_place(
    content: bytes, encoding: str | None, message: str, tmp_path: Path
) -> None:
    """The file, the line, the byte and the cure are told, in one message."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(BatchFileError) as refused:
        read_batch(path, encoding=encoding)
    [line] = str(refused.value).split("\n")
    assert line.startswith(f"{path}:")
    assert message in line.removeprefix(f"{path}:")


def test_json_may_be_utf_16_too(tmp_path: Path) -> None:
    """PowerShell's `>` writes every format so."""
    for name, text in (("a.jsonl", "\r\n".join(map(json.dumps, OBJECTS))), ("a.json", json.dumps(OBJECTS))):
        (tmp_path / name).write_text(text, encoding="utf-16")
        assert read_shots(tmp_path / name) == WANTED


@pytest.mark.parametrize("name", ["utf8", "cp1252", "latin-1", "utf-16", "utf-32-le"])
def test_an_encoding_that_python_knows_may_be_named(name: str) -> None:
    """Also one that has several bytes for each character."""
    check_encoding(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("utf-9", "; did you mean utf"),
        ("cp125", "; did you mean cp125"),
        ("hex", "; spreadsheets on Windows use cp1252"),
        ("ANSI?", "; "),
    ],
)
def test_another_encoding_is_refused_with_one_that_is_known(name: str, meant: str) -> None:
    """What is suggested can be named. A codec that gives no text, such as `hex`, is no encoding."""
    with pytest.raises(ValueError, match=re.escape(f"no text encoding is called {name!r}{meant}")) as refused:
        check_encoding(name)
    check_encoding(str(refused.value).rpartition(" ")[2].removesuffix("?"))
