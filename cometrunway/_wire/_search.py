"""The files of a task in an answer that names none in a documented place.

What is looked for are URLs under keys that speak of outputs. What was sent is echoed in many answers, and posters,
previews and links to pages stand beside the files: none of those is taken.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve, frozen

from cometrunway._wire._body import JsonObject, parsed_within
from cometrunway._wire._inline import inline_file, inline_key
from cometrunway._wire._levels import NOT_OURS, join
from cometrunway._wire._outputs import Output, urls_in
from cometrunway._wire._words import bare, word_set, words

NODES = 20_000
"""Values of an answer that are visited."""
_JSON_LIMIT = 1024 * 1024
"""Characters of a text that is read as JSON."""
_NUMBER = re.compile("[0-9]+")

_NEVER = NOT_OURS | word_set(
    "account argument arguments args author avatar banner callback config cover covers doc docs example "
    "examples frame frames help history icon init log logo logs mask metrics notify option options owner "
    "policy poster posters preview previews progress prompt prompts ref reference references refs requested "
    "settings source sources src support terms thumb thumbnail thumbnails thumbs webhook webhooks"
)
"""Words of keys under which no file of the task stands."""
_NO_LEAF = word_set("cancel console dashboard delete get poll queue report retry self share status stop")
"""Words of keys of the API's own addresses."""
_RESPONSE = "responseurl"
"""The key of another answer of the API."""
_PAGES = word_set("detail details homepage link links page pages site view web website")
"""Words of keys that name a page, unless the URL is that of a file."""
_GOOD = word_set(
    "artifact artifacts asset assets audio audios clip clips content creation creations download downloads "
    "file files generated generation generations image images img imgs media movie mp3 mp4 music output "
    "outputs photo photos picture pictures response result results sample samples sound speech video videos "
    "voice wav work works"
)
"""Words of keys that speak of what a task made."""
_GENERIC = word_set("address href link location path uri uris url urls")
_INPUTS_TOO = word_set("audio content file image imageurl img imgurl media photo picture video voice")
"""Keys that a request may have as well: they speak of outputs only where it is known what was sent."""
_RENDITIONS = word_set("backup cdn compressed download hd high hq low lq mirror original raw sd watermark watermarked")
"""Words by which one file is offered in several ways."""
_NO_WATERMARK = word_set("free no remove removed without")
_VIDEO = word_set("clip clips movie mp4 video videos")
_IMAGE = word_set("image images img imgs photo photos picture pictures")
_ENDS = word_set("end first head last start tail")
"""Words of keys of a picture that a video begins or ends with."""
_EXTENSIONS = {
    "video": "3gp avi m4v mkv mov mp4 ogv webm",
    "image": "avif bmp heic jpeg jpg png svg tiff webp",
    "audio": "aac flac m4a mp3 ogg opus wav",
    None: "gif",
}
_KINDS = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()}
_NOT_FILES = word_set("asp aspx css htm html js json md php txt xhtml xml")
_WITHIN_TEXT = re.compile(r"https?://[^\s\"'<>()\[\]{}]+", re.IGNORECASE)


@frozen
class _Visit:
    """One value of an answer, and the keys that lead to it."""

    place: str
    value: Any
    key: str = ""
    """The last of them."""
    siblings: str = ""
    """The place of the object that the value is a member of, or a member's list."""
    said: frozenset[str] = frozenset()
    """The words of all of them."""
    is_good: bool = False
    """Whether one of them speaks of outputs."""


@frozen
class _Candidate:
    visit: _Visit
    output: Output
    kind: str | None
    number: int = 0
    """Of the files that one text names."""

    @property
    def group(self) -> object:
        """Equal for the members of one object whose keys say that they are one file: `video` and `video_hd`."""
        visit = self.visit
        stem = words(visit.key) - _RENDITIONS - _GENERIC - _NO_WATERMARK
        is_member = not visit.place.endswith("]")
        numbers = (*_NUMBER.findall(visit.key), self.number)
        return (visit.siblings, stem, numbers, self.kind) if is_member else (self.output.place, self.number)

    @property
    def distance(self) -> int:
        """How far a rendition is from the file itself."""
        said = words(self.visit.key)
        return -1 if said & _NO_WATERMARK else len(said & _RENDITIONS)


def searched(body: JsonObject, is_ours: Callable[[str], bool], *, makes: str | None) -> tuple[Output, ...]:
    """Return the files that an answer names anywhere, in its order, each once; at most 20,000 values are visited.

    Args:
        body: the answer.
        is_ours: whether a URL may be taken: not one that was sent.
        makes: `video`, `image` or `audio`: what was asked for; None where it is not known what was sent. There only
            keys that speak of outputs count.
    """
    found = [
        candidate
        for visit in islice(_visits(body, is_sent_known=makes is not None), NODES)
        for candidate in _candidates(visit)
        if is_ours(candidate.output.url)
    ]
    if makes == "video" or any(candidate.kind == "video" for candidate in found):
        found = [candidate for candidate in found if candidate.kind != "image"]  # its cover, or an input
    best = [candidate for candidate in found if candidate.visit.is_good] or (found if makes else [])
    return tuple({candidate.output.url: candidate.output for candidate in _without_renditions(best)}.values())


def _visits(body: JsonObject, *, is_sent_known: bool) -> Iterator[_Visit]:
    """Yield the values of an answer in its order, without those under keys that speak of something else."""
    stack = [iter([_Visit("", body)])]
    while stack:
        visit = next(stack[-1], None)
        if visit is None:
            stack.pop()
        else:
            yield visit
            stack.append(_within(visit, is_sent_known=is_sent_known))


def _within(visit: _Visit, *, is_sent_known: bool) -> Iterator[_Visit]:
    value = visit.value
    if isinstance(value, str) and len(value) <= _JSON_LIMIT:
        value = parsed_within(value)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield evolve(visit, place=f"{visit.place}[{number}]", value=item, siblings=visit.place)
    elif isinstance(value, dict):
        for key, member in value.items():
            said = words(key)
            if not said & _NEVER and not (said & _ENDS and said & _IMAGE):
                yield _Visit(
                    place=join(visit.place, key),
                    value=member,
                    key=key,
                    siblings=visit.place,
                    said=visit.said | said,
                    is_good=visit.is_good or bool(said & _GOOD and (is_sent_known or bare(key) not in _INPUTS_TOO)),
                )


def _candidates(visit: _Visit) -> Iterator[_Candidate]:
    if isinstance(visit.value, dict):
        key, url = inline_key(visit.value), inline_file(visit.value)
        if key and url:
            names_a_file = bare(key).startswith(("b64", "base64"))
            yield _candidate(evolve(visit, is_good=visit.is_good or names_a_file), Output(join(visit.place, key), url))
    elif isinstance(visit.value, str):
        for number, url in enumerate(list(urls_in(visit.value)) or _files_within(visit.value)):
            if _may_be_a_file(url, visit.key):
                yield _candidate(visit, Output(visit.place, url), number)


def _candidate(visit: _Visit, output: Output, number: int = 0) -> _Candidate:
    by_key = "video" if visit.said & _VIDEO else "image" if visit.said & _IMAGE else None
    kind = _KINDS.get(_extension(output.url), by_key)
    if output.url.startswith("data:"):
        kind = output.url[5:].partition("/")[0]
    return _Candidate(visit, output, kind, number)


def _files_within(text: str) -> list[str]:
    """Return the URLs of files in a longer text, such as one in Markdown."""
    return [url for url in _WITHIN_TEXT.findall(text[:_JSON_LIMIT]) if _extension(url) in _KINDS]


def _may_be_a_file(url: str, key: str) -> bool:
    leaf, extension = words(key), _extension(url)
    if leaf & _NO_LEAF or extension in _NOT_FILES or bare(key) == _RESPONSE:
        return False
    if extension in _KINDS or url.startswith("data:"):
        return True
    return not leaf & _PAGES and bool(leaf & (_GOOD | _GENERIC))


def _extension(url: str) -> str:
    if url.startswith("data:"):
        return ""
    return urlsplit(url).path.rpartition("/")[2].rpartition(".")[2].lower()


def _without_renditions(candidates: list[_Candidate]) -> list[_Candidate]:
    """Leave of each file the best of the ways in which it is offered."""
    best: dict[object, _Candidate] = {}
    for candidate in candidates:
        known = best.setdefault(candidate.group, candidate)
        if candidate.distance < known.distance:
            best[candidate.group] = candidate
    return list(best.values())
