"""The requests of the routes that only Runway's API has, the request for any other route, and the table of all.

Fields have the wire's names in snake_case. The API checks which fields and values a model takes.
"""

import re
from typing import Any, ClassVar, Literal

from attrs import Attribute, field, frozen
from attrs.validators import optional

from cometrunway._media._inputs import Media
from cometrunway._media._urls import shown
from cometrunway._requests import _limits as limits
from cometrunway._requests import _parts as parts
from cometrunway._requests._parts import (
    Avatar,
    ContentModeration,
    Fields,
    MediaReference,
    PromptImage,
    ReferenceImage,
    Speech,
    Voice,
)
from cometrunway._requests._routes import (
    CharacterPerformance,
    ImageToVideo,
    MediaKind,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    Request,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
)

_word = optional(limits.filled)
_flag = optional(limits.flag)
_whole = optional(limits.whole())
_number = optional(limits.number())
_seed = optional(limits.whole(0, limits.SEED_LIMIT))


@frozen(kw_only=True)
class TextToVideo(Request):
    """Makes a video from a text: the route `text_to_video`."""

    route: ClassVar[str] = "text_to_video"

    model: str = field(validator=limits.filled)
    prompt_text: str | None = field(default=None, validator=optional(limits.filled_prompt))
    """Not empty; at most 1000 UTF-16 code units with many models. Most models need it."""
    ratio: str | None = field(default=None, validator=optional(limits.ratio))
    duration: int | Literal["auto"] | None = field(
        default=None, converter=parts.integer, validator=optional(limits.seconds)
    )
    """Seconds."""
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    audio: bool | None = field(default=None, validator=_flag)
    """Whether the video has sound."""
    negative_prompt: str | None = field(default=None, validator=_word)
    resolution: str | None = field(default=None, validator=_word)
    references: tuple[ReferenceImage | PromptImage, ...] = field(
        default=(),
        converter=parts.image_references,
        validator=limits.several(ReferenceImage, PromptImage),
    )
    reference_audio: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_audio,
        validator=limits.several(MediaReference),
    )
    reference_videos: tuple[MediaReference, ...] = field(
        default=(),
        converter=parts.reference_videos,
        validator=limits.several(MediaReference),
    )
    cfg_scale: float | None = field(default=None, converter=parts.real, validator=_number)
    draft: bool | None = field(default=None, validator=_flag)
    draft_task_id: str | None = field(default=None, validator=_word)
    """The id of the task that made the draft; this request makes the full video of it."""
    output_format: str | None = field(default=None, validator=_word)
    prores_profile: str | None = field(default=None, validator=_word)
    prompt_expansion_mode: str | None = field(default=None, validator=_word)
    provider_settings: Fields | None = field(
        default=None, converter=parts.in_camel_case, validator=optional(limits.members), hash=False
    )
    content_moderation: ContentModeration | None = field(
        default=None, converter=parts.content_moderation, validator=optional(limits.of_class(ContentModeration))
    )


@frozen(kw_only=True)
class ImageUpscale(Request):
    """Enlarges an image: the route `image_upscale`."""

    route: ClassVar[str] = "image_upscale"
    makes: ClassVar[MediaKind] = "image"

    image_uri: Media = field(converter=parts.medium, validator=limits.media("image"), repr=shown)
    model: str = field(default="magnific_precision_upscaler_v2", validator=limits.filled)
    scale_factor: int | None = field(default=None, converter=parts.integer, validator=_whole)
    flavor: str | None = field(default=None, validator=_word)
    sharpen: int | None = field(default=None, converter=parts.integer, validator=_whole)
    smart_grain: int | None = field(default=None, converter=parts.integer, validator=_whole)
    ultra_detail: int | None = field(default=None, converter=parts.integer, validator=_whole)


@frozen(kw_only=True)
class AvatarVideos(Request):
    """Makes a video of an avatar that speaks: the route `avatar_videos`."""

    route: ClassVar[str] = "avatar_videos"

    avatar: Avatar = field(converter=parts.avatar, validator=limits.of_class(Avatar))
    """An `Avatar`, or the name of one of Runway's avatars."""
    speech: Speech = field(converter=parts.speech, validator=limits.of_class(Speech))
    """A `Speech`, a text, or a local recording."""
    model: str = field(default="gwm1_avatars", validator=limits.filled)


@frozen(kw_only=True)
class TextToSpeech(Request):
    """Makes speech from a text: the route `text_to_speech`."""

    route: ClassVar[str] = "text_to_speech"
    makes: ClassVar[MediaKind] = "audio"

    prompt_text: str = field(validator=limits.filled_prompt)
    voice: Voice | None = field(default=None, converter=parts.voice, validator=optional(limits.of_class(Voice)))
    """A `Voice`, the name of one of Runway's voices, or a local recording. Most models need it."""
    model: str = field(default="eleven_multilingual_v2", validator=limits.filled)
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    speed: float | None = field(default=None, converter=parts.real, validator=_number)
    stability: float | None = field(default=None, converter=parts.real, validator=_number)
    similarity_boost: float | None = field(default=None, converter=parts.real, validator=_number)
    style: float | None = field(default=None, converter=parts.real, validator=_number)
    use_speaker_boost: bool | None = field(default=None, validator=_flag)
    language_code: str | None = field(default=None, validator=_word)
    previous_text: str | None = field(default=None, validator=_word)
    next_text: str | None = field(default=None, validator=_word)
    apply_text_normalization: str | None = field(default=None, validator=_word)
    output_format: str | None = field(default=None, validator=_word)
    sample_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    """In hertz."""
    loudness_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    pitch_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    speech_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)


@frozen(kw_only=True)
class SoundEffect(Request):
    """Makes a sound from a text: the route `sound_effect`."""

    route: ClassVar[str] = "sound_effect"
    makes: ClassVar[MediaKind] = "audio"

    prompt_text: str = field(validator=limits.filled_prompt)
    model: str = field(default="eleven_text_to_sound_v2", validator=limits.filled)
    duration: float | None = field(default=None, converter=parts.real, validator=optional(limits.number(0)))
    """Seconds."""
    loop: bool | None = field(default=None, validator=_flag)
    format: str | None = field(default=None, validator=_word)
    output_format: str | None = field(default=None, validator=_word)
    negative_prompt: str | None = field(default=None, validator=_word)
    num_variants: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole(1)))
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""
    reference_audios: tuple[Media, ...] = field(
        default=(), converter=parts.media, validator=limits.several_media("audio"), repr=shown
    )
    sample_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    """In hertz."""
    loudness_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    pitch_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)
    speech_rate: int | None = field(default=None, converter=parts.integer, validator=_whole)


@frozen(kw_only=True)
class SpeechToSpeech(Request):
    """Changes the voice of a recording: the route `speech_to_speech`. It takes the sound of a video too."""

    route: ClassVar[str] = "speech_to_speech"
    makes: ClassVar[MediaKind] = "any"

    media: MediaReference = field(converter=parts.recording, validator=limits.of_class(MediaReference))
    """A sound or a video. For a URL give a `MediaReference` with its `type`; a local file shows it."""
    voice: Voice = field(converter=parts.voice, validator=limits.of_class(Voice))
    """A `Voice`, or the name of one of Runway's voices."""
    model: str = field(default="eleven_multilingual_sts_v2", validator=limits.filled)
    remove_background_noise: bool | None = field(default=None, validator=_flag)


@frozen(kw_only=True)
class VoiceDubbing(Request):
    """Translates a recording into another language: the route `voice_dubbing`."""

    route: ClassVar[str] = "voice_dubbing"
    makes: ClassVar[MediaKind] = "audio"

    audio_uri: Media = field(converter=parts.medium, validator=limits.media("audio"), repr=shown)
    target_lang: str = field(validator=limits.filled)
    """The code of the language, such as `de`."""
    model: str = field(default="eleven_voice_dubbing", validator=limits.filled)
    disable_voice_cloning: bool | None = field(default=None, validator=_flag)
    drop_background_audio: bool | None = field(default=None, validator=_flag)
    num_speakers: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole(1)))


@frozen(kw_only=True)
class VoiceIsolation(Request):
    """Removes all but the voice from a recording: the route `voice_isolation`."""

    route: ClassVar[str] = "voice_isolation"
    makes: ClassVar[MediaKind] = "audio"

    audio_uri: Media = field(converter=parts.medium, validator=limits.media("audio"), repr=shown)
    model: str = field(default="eleven_voice_isolation", validator=limits.filled)


@frozen(kw_only=True)
class VideoToAudio(Request):
    """Makes sound for a video: the route `video_to_audio`."""

    route: ClassVar[str] = "video_to_audio"
    makes: ClassVar[MediaKind] = "any"

    video_uri: Media = field(converter=parts.medium, validator=limits.media("video"), repr=shown)
    duration: float = field(converter=parts.real, validator=limits.number(0))
    """Seconds."""
    model: str = field(default="mirelo_sfx_2_0", validator=limits.filled)
    prompt_text: str | None = field(default=None, validator=optional(limits.filled_prompt))
    negative_prompt: str | None = field(default=None, validator=_word)
    num_variants: int | None = field(default=None, converter=parts.integer, validator=optional(limits.whole(1)))
    preserve_speech: bool | None = field(default=None, validator=_flag)
    format: str | None = field(default=None, validator=_word)
    seed: int | None = field(default=None, converter=parts.integer, validator=_seed)
    """From 0 to 4294967295."""


@frozen(kw_only=True)
class VideoToHdr(Request):
    """Converts a video to a high dynamic range: the route `video_to_hdr`."""

    route: ClassVar[str] = "video_to_hdr"

    video_uri: Media = field(converter=parts.medium, validator=limits.media("video"), repr=shown)
    model: str = field(default="ruby", validator=limits.filled)
    output_format: str | None = field(default=None, validator=_word)
    prores_profile: str | None = field(default=None, validator=_word)


def _is_name(request: object, attribute: "Attribute[Any]", value: object) -> None:
    if not (isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*", value)):
        raise ValueError(
            f"{limits.named(request, attribute)}: must be the path below the API's prefix, such as workflows/ID, got "
            f"{shown(value)}"
        )


@frozen(kw_only=True)
class RawRequest(Request):
    """A request of any route that makes a task. The task is polled, recorded and downloaded as any other.

    A route whose name begins with `pro_` is one of the compatibility format.
    """

    makes: ClassVar[MediaKind] = "any"

    route: str = field(validator=_is_name)  # type: ignore[misc]  # in all other requests it belongs to the class
    """The path after the API's prefix, such as `workflows/7f1c`."""
    fields: Fields = field(converter=parts.as_given, validator=limits.members, hash=False)
    """The body, with names spelled as in the API. Local files in it become data URIs."""

    @property
    def model(self) -> str:
        """The model that the fields name; empty if they name none."""
        return str(self.fields.get("model", ""))


OFFICIAL: tuple[type[Request], ...] = (
    *(ImageToVideo, TextToImage, VideoToVideo, VideoUpscale, CharacterPerformance),
    *(TextToVideo, ImageUpscale, AvatarVideos, TextToSpeech, SoundEffect, SpeechToSpeech),
    *(VoiceDubbing, VoiceIsolation, VideoToAudio, VideoToHdr),
)
COMPAT: tuple[type[Request], ...] = (ProGenerate, ProVideoToVideo, ProActOne)
ROUTES: dict[str, type[Request]] = {cls.route: cls for cls in (*OFFICIAL, *COMPAT)}
"""The request of each route, by the route's name."""
