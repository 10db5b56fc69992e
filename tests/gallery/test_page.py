"""The gallery without a browser: what the page holds, what the server answers, and to whom."""

import base64
import hashlib
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest

from cometrunway._gallery._cards import MediaFile
from cometrunway._gallery._errors import GalleryError
from cometrunway._gallery._page import _PAGE, _SCRIPTS, linked_from, policy, render, write_page
from cometrunway._gallery._sources import source_of
from tests.gallery.pages import data_of
from tests.recorded import Recorded, clip, record, still


def inline(tag: str) -> str:
    """Return the content of a page's style or script, as a browser takes it."""
    found = re.search(rf"<{tag}>(.*?)</{tag.split(maxsplit=1)[0]}>", render("a batch", {"shots": []}), re.DOTALL)
    assert found
    return found[1]


# The page


@pytest.mark.parametrize(("tag", "directive"), [("style", "style-src"), ('script type="module"', "script-src")])
def test_only_the_pages_own_style_and_script_may_run(tag: str, directive: str) -> None:
    """The policy names their hashes, and nothing unsafe."""
    digest = base64.b64encode(hashlib.sha256(inline(tag).encode()).digest()).decode()
    for is_live, has_data in ((True, True), (False, True), (False, False)):
        sent = policy(is_live=is_live, has_data=has_data)
        loaded = " 'strict-dynamic'" * (has_data and directive == "script-src")
        assert f"{directive} 'sha256-{digest}'{loaded};" in sent
        assert sent.startswith("default-src 'none';")
        assert "unsafe" not in sent


def test_the_page_sends_no_requests() -> None:
    """Beside the name of SVG there is no address in it, and no way for text to become markup."""
    page = render("a batch", {"shots": []})
    assert set(re.findall(r"\w+://[\w./]*", page)) == {"http://www.w3.org/2000/svg"}
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", " onclick", " style="):
        assert way not in page
    assert page.lower().count("</script") == 2


def test_every_part_of_the_script_is_in_it() -> None:
    """No part is forgotten in the folder."""
    assert {f"{name}.js" for name in _SCRIPTS} == {part.name for part in _PAGE.iterdir() if part.name.endswith(".js")}


@pytest.mark.parametrize(
    "name",
    ["a b#c?d%41.mp4", "e&f'g\"h.mp4", "http:x.mp4", "ü猫 .mp4", "sub/dir/x.mp4", "../beside/x.mp4", "\udcff.mp4"],
)
def test_a_link_leads_to_its_file(name: str) -> None:
    """A file's URL is relative, and means that very file in a browser, whatever its name."""
    page = Path("/somewhere/out/gallery.html")
    path = Path(os.path.normpath(page.parent / name))
    link = linked_from(page)(0, 0, MediaFile(path=path, media_type="video/mp4", size=1))
    resolved = urlsplit(urljoin("file:///somewhere/out/gallery.html", link))
    assert (resolved.scheme, resolved.query, resolved.fragment) == ("file", "", "")
    assert unquote_to_bytes(resolved.path) == os.fsencode(path)


async def test_the_page_tells_what_the_journal_knows(tmp_path: Path) -> None:
    """Prompt, model, seed, seconds, route, id, status and reason, in the journal's order; of local paths only names."""
    (tmp_path / "one.mp4").write_bytes(clip())
    private = {"prompt_image": {"path": "/home/canary/face.png", "sha256": "a" * 64}, "references": [{"uri": "u"}]}
    await record(
        tmp_path / "shots.db",
        [
            Recorded(key="one", files=(tmp_path / "one.mp4",), request=private),
            Recorded(key="two", outcome="failed", reason="no luck"),
            Recorded(key="three", outcome="submitting"),
            Recorded(key="four", outcome="cancelled", reason="not wanted"),
        ],
    )
    assert write_page(source_of(tmp_path / "shots.db"), tmp_path / "gallery.html") == 4
    one, two, three, four = data_of(tmp_path / "gallery.html")["shots"]
    told = {"prompt": "a cat", "model": "gen4_turbo", "seed": 7, "seconds": 5, "ratio": "1280:720", "id": "task-of-one"}
    assert told.items() <= one.items()
    assert (one["route"], one["status"], one["files"][0]["url"]) == ("image_to_video", "delivered", "one.mp4")
    assert one["more"] == [["prompt_image", "face.png"], ["references", "uri u"]]
    assert (two["status"], two["reason"]) == ("failed", "no luck [INTERNAL.BAD_OUTPUT]")
    assert three["status"] == "in_doubt"
    assert (four["status"], four["reason"]) == ("cancelled", "not wanted")
    assert "canary" not in (tmp_path / "gallery.html").read_text()


def test_only_a_gallery_is_replaced(tmp_path: Path) -> None:
    """A gallery of before is replaced; whatever else has the name stays as it is, and nothing is left half written."""
    (tmp_path / "one.png").write_bytes(still())
    source, page, letter = source_of(tmp_path), tmp_path / "gallery.html", tmp_path / "letter.html"
    write_page(source, page)
    (tmp_path / "two.png").write_bytes(still())
    assert write_page(source, page) == 2
    letter.write_text("Dear Sir")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for output, reason in (
        (letter, "is not a gallery"),
        (tmp_path / "folder", "cannot write"),
        (tmp_path / "no" / "x", "No such"),
        (tmp_path / "pipe", "is a pipe"),
    ):
        with pytest.raises(GalleryError, match=reason):
            write_page(source, output)
    assert letter.read_text() == "Dear Sir"
    names = {"one.png", "two.png", "gallery.html", "letter.html", "folder", "pipe"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_no_other_file_is_touched(tmp_path: Path) -> None:
    """A name that looks like a half-written page's may be the user's, or a link; a name may be as long as can be."""
    (tmp_path / "one.png").write_bytes(still())
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.html.part").write_text("mine")
    (tmp_path / "b.html.part").symlink_to(tmp_path / "mine")
    for output in ("a.html", "b.html", "x" * 255):
        write_page(source_of(tmp_path), tmp_path / output)
        assert len(data_of(tmp_path / output)["shots"]) == 1
    assert [(tmp_path / name).read_text() for name in ("mine", "a.html.part", "b.html.part")] == ["mine"] * 3
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """In one line, like every mistake."""
    (tmp_path / "one.png").write_bytes(still())
    tmp_path.chmod(0o555)
    with pytest.raises(GalleryError, match="Permission denied"):
        write_page(source_of(tmp_path), tmp_path / "gallery.html")


# The sources
