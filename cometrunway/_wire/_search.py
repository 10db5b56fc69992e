"""Searches an answer for the files of a task if no documented place names them.

The search looks for URLs under keys that name outputs. Many answers repeat the URLs that were sent, and contain
posters, previews and links to pages. These are not outputs.
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
"""The largest number of values of an answer that are visited."""
_JSON_LIMIT = 1024 * 1024
"""The largest number of characters of a text that is read as JSON."""
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
"""Words in keys that never contain a file of the task."""
_SRC = word_set("src")
"""Alone, this word is the key of a file, as in HTML. `src_image` is an input."""
_NO_LEAF = word_set("cancel console dashboard delete get poll queue report retry self share status stop stream")
"""Words in keys of the API's own addresses."""
_RESPONSE = "responseurl"
"""The key of another answer of the API."""
_PAGES = word_set("detail details homepage link links model page pages site view web website")
"""Words in keys of web pages. A URL of a file is still accepted."""
_LINKS = word_set("homepage link links model site web website")
"""Words in keys of objects whose `href` or `url` is a web page."""
_GOOD = word_set(
    "artifact artifacts asset assets audio audios clip clips content creation creations download downloads "
    "file files generated generation generations image images img imgs media movie mp3 mp4 music output "
    "outputs photo photos picture pictures response result results sample samples sound speech video videos "
    "voice wav work works"
)
"""Words in keys that name the outputs of a task."""
_GENERIC = word_set("address href link location path resource src uri uris url urls")
_INPUTS_TOO = word_set(
    "audio audiourl content contents file fileurl image imagelist images imageurl imageurls img imgs imgurl imgurls "
    "media mediaurl photo photos photourl picture pictures pictureurl video voice voiceurl"
)
"""Keys that a request may also have. They name outputs only if it is known what was sent."""
_RENDITIONS = word_set("backup cdn compressed download hd high hq low lq min mirror raw sd water watermark watermarked")
"""Words for the versions in which one file is offered."""
_POOR = word_set("compressed low lq min sd water watermark watermarked")
_ORIGINAL = word_set("origin original originals origins")
"""Words for a source or an unfinished version of a file. Such a file is used only if there is no other."""
_NO_WATERMARK = word_set("free no nowatermark remove removed unwatermarked without")
_VIDEO = word_set("clip clips movie mp4 video videos")
_IMAGE = word_set("image images img imgs photo photos picture pictures")
_ENDS = word_set("end first head last start tail")
"""Words in keys of the first or last picture of a video."""
_SAYS_NOTHING = _RENDITIONS | _GENERIC | _NO_WATERMARK | word_set("mark output video videos")
"""Words that do not distinguish files: `url` and `video_url` are one file, `video` and `video_raw`, too."""
_NOT_FILES = word_set("asp aspx css htm html js json m3u8 md mpd php srt txt vtt xhtml xml")
_WITHIN_TEXT = re.compile(r"https?://[^\s\"'<>()\[\]{}]+", re.IGNORECASE)
_BEHIND_URLS = ".,;:!?*`、。，；：！？）】》"  # noqa: RUF001 - as they stand in texts


class _Visit(NamedTuple):
    """One value of an answer, and the keys that lead to it."""

    place: str
    value: Any
    key: str = ""
    """The last key."""
    said: frozenset[str] = frozenset()
    """The words of all keys."""
    stem: tuple[object, ...] = ()
    """Equal for values whose keys name the same file: `video` and `video_hd`."""
    is_good: bool = False
    """Whether a key names outputs."""


class _Candidate(NamedTuple):
    visit: _Visit
    output: Output
    kind: str | None
    number: int = 0
    """The number of the file among those that one text names."""

    @property
    def distance(self) -> int:
        """The distance of this version from the file itself. 0 is the file itself."""
        said = self.visit.said
        return -1 if said & _NO_WATERMARK else len(said & _RENDITIONS) + len(said & _POOR)


def searched(body: JsonObject, is_ours: Callable[[str], bool], *, makes: str | None) -> tuple[Output, ...]:
    """Return all files that an answer names, in its order, without duplicates. At most 20,000 values are visited.

    Args:
        body: the answer.
        is_ours: whether a URL may be an output; False for a URL that was sent.
        makes: the requested kind, `video`, `image` or `audio`; None if it is not known what was sent. With None, only
            keys that name outputs are used.
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
    """Yield the values of an answer in its order, except those under keys that do not name outputs."""
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
    """Return a value; the parsed value if it is JSON in a text."""
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
    """Whether the key of a URL allows it to be a file. For a general key, such as `href`, outer keys decide, too."""
    leaf, ends = words(visit.key), extension(url)
    if leaf & _NO_LEAF or ends in _NOT_FILES or bare(visit.key) == _RESPONSE:
        return False
    if ends in KINDS or is_data_url(url):
        return True
    if leaf <= _GENERIC and (visit.said & _NO_LEAF or (visit.said & _LINKS and not visit.said & _GOOD)):
        return False
    return not leaf & _PAGES and bool(leaf & (_GOOD | _GENERIC))


def _without_renditions(candidates: list[_Candidate]) -> list[_Candidate]:
    """Keep the best version of each file."""
    best: dict[object, _Candidate] = {}
    for candidate in candidates:
        group = (candidate.visit.stem, candidate.kind, candidate.number)
        known = best.setdefault(group, candidate)
        if candidate.distance < known.distance:
            best[group] = candidate
    return list(best.values())
