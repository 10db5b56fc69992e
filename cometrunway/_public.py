"""The names that are for users, each imported from the module that defines it."""

from cometrunway._asset_response import AssetResponse
from cometrunway._budget import Budget
from cometrunway._callbacks._receiver import CallbackReceiver
from cometrunway._displays import show_progress
from cometrunway._event_stream import EventStream
from cometrunway._events import Event, EventKind
from cometrunway._generate import generate
from cometrunway._handle import TaskHandle
from cometrunway._journal._entries import Entries
from cometrunway._journal._entry import Entry, State
from cometrunway._journal._journal import Journal
from cometrunway._journal._reader import JournalReader
from cometrunway._policies import PollPolicy, RetryPolicy
from cometrunway._requests._all_routes import (
    AvatarVideos,
    ImageUpscale,
    RawRequest,
    SoundEffect,
    SpeechToSpeech,
    TextToSpeech,
    TextToVideo,
    VideoToAudio,
    VideoToHdr,
    VoiceDubbing,
    VoiceIsolation,
)
from cometrunway._requests._parts import (
    Avatar,
    ContentModeration,
    Keyframe,
    MediaReference,
    MotionVector,
    PromptImage,
    ReferenceImage,
    Speech,
    Voice,
)
from cometrunway._requests._routes import (
    CharacterPerformance,
    ImageToVideo,
    ProActOne,
    ProGenerate,
    ProVideoToVideo,
    Request,
    TextToImage,
    VideoToVideo,
    VideoUpscale,
)
from cometrunway._requests._shot import Shot
from cometrunway._session import Session
from cometrunway._submission._batch import Batch
from cometrunway._tasks import Asset, Failure, Task, TaskStatus
from cometrunway._telemetry._options import Telemetry
from cometrunway._wire._balance import Balance, Usage
from cometrunway._wire._mapping import request_from_dict
from cometrunway._wire._provider import Provider
from cometrunway._wire._records import records_to_shots
from cometrunway.errors import (
    APIError,
    CometRunwayError,
    DownloadError,
    JournalError,
    JournalInUseError,
    OutcomeUnknownError,
    SubmissionQueueFullError,
    TaskError,
    TaskFailedError,
    TasksOwedError,
    TaskTimeoutError,
    TransportError,
)

__all__ = [
    "APIError",
    "Asset",
    "AssetResponse",
    "Avatar",
    "AvatarVideos",
    "Balance",
    "Batch",
    "Budget",
    "CallbackReceiver",
    "CharacterPerformance",
    "CometRunwayError",
    "ContentModeration",
    "DownloadError",
    "Entries",
    "Entry",
    "Event",
    "EventKind",
    "EventStream",
    "Failure",
    "ImageToVideo",
    "ImageUpscale",
    "Journal",
    "JournalError",
    "JournalInUseError",
    "JournalReader",
    "Keyframe",
    "MediaReference",
    "MotionVector",
    "OutcomeUnknownError",
    "PollPolicy",
    "ProActOne",
    "ProGenerate",
    "ProVideoToVideo",
    "PromptImage",
    "Provider",
    "RawRequest",
    "ReferenceImage",
    "Request",
    "RetryPolicy",
    "Session",
    "Shot",
    "SoundEffect",
    "Speech",
    "SpeechToSpeech",
    "State",
    "SubmissionQueueFullError",
    "Task",
    "TaskError",
    "TaskFailedError",
    "TaskHandle",
    "TaskStatus",
    "TaskTimeoutError",
    "TasksOwedError",
    "Telemetry",
    "TextToImage",
    "TextToSpeech",
    "TextToVideo",
    "TransportError",
    "Usage",
    "VideoToAudio",
    "VideoToHdr",
    "VideoToVideo",
    "VideoUpscale",
    "Voice",
    "VoiceDubbing",
    "VoiceIsolation",
    "generate",
    "records_to_shots",
    "request_from_dict",
    "show_progress",
]
