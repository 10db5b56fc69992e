"""The files of a task in an answer that names none in a documented place.

What is looked for are URLs under keys that speak of outputs. What was sent is echoed in many answers, and posters,
previews and links to pages are beside the files. These are not taken.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from cometrunway._media._urls import is_data_url, normalised_url
from cometrunway._wire._body import JsonObject, parsed_within
from cometrunway._wire._inline import inline_member, is_base64, unlabelled_file
from cometrunway._wire._levels import NOT_OURS, join
from cometrunway._wire._outputs import KINDS, Output, extension, kind_of, urls_in
from cometrunway._wire._words import bare, word_set, words

NODES = 20_000
"""Values of an answer that are visited."""
_JSON_LIMIT = 1024 * 1024
"""Characters of a text that is read as JSON."""
_NUMBER = re.compile("[0-9]+")

_NEVER = NOT_OURS | word_set(
    "account ads advertisement agreement announcement argument arguments args author avatar banner billing brand "
    "callback caption captions changelog character characters company condition conditioning config contact control "
    "cover covers creator depth doc docs driver driving endframe endimage example examples faq firstframe firstimage "
    "frame frames guidance guide help history icon init invoice keyframe keyframes lastframe lastimage license log "
    "logo logs lyrics mask masks metrics mocap notice notify option options owner policy pose poster posters preview "
    "previews previous pricing privacy profile progress prompt prompts promotion promptimage promptvideo publisher "
    "recommendations recommended ref reference references refs related requested settings similar source sources "
    "sprite sprites src startframe startimage steps storyboard style subtitle subtitles support template templates "
    "terms thumb thumbnail thumbnails thumbs tips transcript tutorial upgrade vendor waveform webhook webhooks"
)
"""Words of keys under which no file of the task stands."""
_SRC = word_set("src")
"""Alone it is the key of a file, as in HTML; `src_image` is an input."""
_NO_LEAF = word_set("cancel console dashboard delete get poll queue report retry self share status stop stream")
"""Words of keys of the API's own addresses."""
_RESPONSE = "responseurl"
"""The key of another answer of the API."""
_PAGES = word_set("detail details homepage link links model page pages site view web website")
"""Words of keys that name a page, unless the URL is that of a file."""
_LINKS = word_set("homepage link links model site web website")
"""Words of keys of an object in which an `href` or a `url` leads to a page."""
_GOOD = word_set(
    "artifact artifacts asset assets audio audios clip clips content creation creations download downloads "
    "file files generated generation generations image images img imgs media movie mp3 mp4 music output "
    "outputs photo photos picture pictures response result results sample samples sound speech video videos "
    "voice wav work works"
)
"""Words of keys that speak of what a task made."""
_GENERIC = word_set("address href link location path resource src uri uris url urls")
_INPUTS_TOO = word_set(
    "audio audiourl content contents file fileurl image imagelist images imageurl imageurls img imgs imgurl imgurls "
    "media mediaurl photo photos photourl picture pictures pictureurl video voice voiceurl"
)
"""Keys that a request may have as well: they speak of outputs only where it is known what was sent."""
_RENDITIONS = word_set("backup cdn compressed download hd high hq low lq min mirror raw sd water watermark watermarked")
"""Words by which one file is offered in several ways."""
_POOR = word_set("compressed low lq min sd water watermark watermarked")
_ORIGINAL = word_set("origin original originals origins")
"""Words of what a file was made of, or of the file before it was finished: nothing where another file is."""
_NO_WATERMARK = word_set("free no nowatermark remove removed unwatermarked without")
_VIDEO = word_set("clip clips movie mp4 video videos")
_IMAGE = word_set("image images img imgs photo photos picture pictures")
_ENDS = word_set("end first head last start tail")
"""Words of keys of a picture that a video begins or ends with."""
_SAYS_NOTHING = _RENDITIONS | _GENERIC | _NO_WATERMARK | word_set("mark output video videos")
"""Words of keys that tell no file from another: `url` and `video_url`, `video` and `video_raw`."""
_NOT_FILES = word_set("asp aspx css htm html js json m3u8 md mpd php srt txt vtt xhtml xml")
_WITHIN_TEXT = re.compile(r"https?://[^\s\"'<>()\[\]{}]+", re.IGNORECASE)
_BEHIND_URLS = ".,;:!?*`、。，；：！？）】》"  # noqa: RUF001 - as they stand in texts


class _Visit(NamedTuple):
    """One value of an answer, and the keys that lead to it."""

    place: str
    value: Any
    key: str = ""
    """The last of them."""
    said: frozenset[str] = frozenset()
    """The words of all of them."""
    stem: tuple[object, ...] = ()
    """Equal for values whose keys say that they are one file: `video` and `video_hd`."""
    is_good: bool = False
    """Whether a key speaks of outputs."""


class _Candidate(NamedTuple):
    visit: _Visit
    output: Output
    kind: str | None
    number: int = 0
    """Of the files that one text names."""

    @property
    def distance(self) -> int:
        """How far a rendition is from the file itself."""
        said = self.visit.said
        return -1 if said & _NO_WATERMARK else len(said & _RENDITIONS) + len(said & _POOR)


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
    has_video = any(candidate.kind == "video" for candidate in found)
    no_output = {"image", "animation"} if has_video else {"image"} if makes == "video" else set()
    found = [candidate for candidate in found if candidate.kind not in no_output]
    found = [candidate for candidate in found if candidate.visit.is_good] or (found if makes else [])
    found = [candidate for candidate in found if not candidate.visit.said & _ORIGINAL] or found
    return tuple({candidate.output.url: candidate.output for candidate in _without_renditions(found)}.values())


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
    if isinstance(value, list):
        for number, item in enumerate(value):
            place, stem = f"{visit.place}[{number}]", (*visit.stem, number)
            yield visit._replace(place=place, value=_read(item), stem=stem)
    elif isinstance(value, dict):
        for key, member in value.items():
            said = words(key)
            if not _is_never(said):
                is_good = bool(said & _GOOD and (is_sent_known or bare(key) not in _INPUTS_TOO)) or is_base64(key)
                yield _Visit(
                    place=join(visit.place, key),
                    value=_read(member),
                    key=key,
                    said=visit.said | said,
                    stem=(*visit.stem, *_stem(key, said)),
                    is_good=visit.is_good or is_good,
                )


def _is_never(said: frozenset[str]) -> bool:
    return bool(said & _NEVER and said != _SRC) or bool(said & _ENDS and said & _IMAGE)


def _read(value: Any) -> Any:
    """Return a value, or what it is if it is JSON in a text."""
    if isinstance(value, str) and len(value) <= _JSON_LIMIT and (within := parsed_within(value)) is not None:
        return within
    return value


def _stem(key: str, said: frozenset[str]) -> tuple[object, ...]:
    return (said - _SAYS_NOTHING, *_NUMBER.findall(key)) if said else (key,)


def _candidates(visit: _Visit) -> Iterator[_Candidate]:
    if isinstance(visit.value, dict):
        members = {key: member for key, member in visit.value.items() if not _is_never(words(key))}
        if found := inline_member(members):
            is_good = visit.is_good or is_base64(found.key)
            yield _candidate(visit._replace(is_good=is_good), Output(join(visit.place, found.key), found.url))
    elif isinstance(visit.value, str):
        for number, url in enumerate(_urls(visit.value, is_good=visit.is_good)):
            if _may_be_a_file(url, visit):
                yield _candidate(visit, Output(visit.place, url), number)


def _urls(text: str, *, is_good: bool) -> list[str]:
    urls = list(urls_in(text))
    if not any(extension(url) in KINDS for url in urls):
        urls = _files_within(text) if not urls or len(text.split(maxsplit=1)) > 1 else urls
    return urls or ([url] if is_good and (url := unlabelled_file(text)) else [])


def _candidate(visit: _Visit, output: Output, number: int = 0) -> _Candidate:
    by_key = "video" if visit.said & _VIDEO else "image" if visit.said & _IMAGE else None
    return _Candidate(visit, output, kind_of(output.url) or by_key, number)


def _files_within(text: str) -> list[str]:
    """Return the URLs of files in a longer text, such as one in Markdown."""
    urls = (url.rstrip(_BEHIND_URLS) for url in _WITHIN_TEXT.findall(text[:_JSON_LIMIT]))
    return [normalised for url in urls if extension(url) in KINDS and (normalised := normalised_url(url))]


def _may_be_a_file(url: str, visit: _Visit) -> bool:
    """Whether a URL may be that of a file, by its key: of a general key, such as `href`, also by those around it."""
    leaf, ends = words(visit.key), extension(url)
    if leaf & _NO_LEAF or ends in _NOT_FILES or bare(visit.key) == _RESPONSE:
        return False
    if ends in KINDS or is_data_url(url):
        return True
    if leaf <= _GENERIC and (visit.said & _NO_LEAF or (visit.said & _LINKS and not visit.said & _GOOD)):
        return False
    return not leaf & _PAGES and bool(leaf & (_GOOD | _GENERIC))


def _without_renditions(candidates: list[_Candidate]) -> list[_Candidate]:
    """Leave of each file the best of the ways in which it is offered."""
    best: dict[object, _Candidate] = {}
    for candidate in candidates:
        group = (candidate.visit.stem, candidate.kind, candidate.number)
        known = best.setdefault(group, candidate)
        if candidate.distance < known.distance:
            best[group] = candidate
    return list(best.values())
