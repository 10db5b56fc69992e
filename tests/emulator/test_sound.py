"""The sounds that emulated tasks make: whole files, which players and checks accept."""

import io
import wave
from itertools import pairwise

import pytest

from cometrunway._media._containers import is_whole
from cometrunway._media._kinds import sniff
from cometrunway.emulator._sound import mp3, ogg, wav

SOUNDS = {
    "audio/wav": lambda mark: wav(tint=3, mark=mark),
    "audio/ogg": lambda mark: ogg(mark=mark),
    "audio/mpeg": lambda mark: mp3(mark=mark),
}


@pytest.mark.parametrize("media_type", SOUNDS)
def test_a_sound_is_whole_and_its_own(media_type: str) -> None:
    """Of any mark, short or long, odd or even; each mark makes another file, and the same mark the same."""
    contents = []
    for mark in ("", "a", "ab", "task-1" * 100):
        content = SOUNDS[media_type](mark)
        found = sniff(content)
        assert found is not None
        assert found.media_type == media_type
        assert is_whole(io.BytesIO(content), media_type)
        contents.append(content)
    assert len({*contents}) == 4
    assert SOUNDS[media_type]("a") == contents[1]


def test_a_tint_is_a_pitch() -> None:
    """Half a second of it; an octave above, the tone crosses zero twice as often."""
    crossings = []
    for tint in (0, 12):
        with wave.open(io.BytesIO(wav(tint=tint, mark="m"))) as sound:
            assert sound.getnframes() == sound.getframerate() / 2
            samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
        crossings.append(sum((one < 0) != (two < 0) for one, two in pairwise(samples)))
    assert crossings[1] == pytest.approx(2 * crossings[0], abs=2)
