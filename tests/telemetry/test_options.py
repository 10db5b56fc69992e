"""When telemetry is on, and what is said where it cannot be."""

import subprocess
import sys

import pytest

from cometrunway import Session, Telemetry

MAKES_A_CLIP = """
import asyncio, sys
from cometrunway import ImageToVideo, Session
from cometrunway.emulator import Emulator, VirtualLoop

async def make_a_clip(**options):
    async with Emulator() as emulator:
        async with Session(emulator.api_key, base_url=emulator.base_url, output_dir=None, **options) as runway:
            await (await runway.submit(ImageToVideo(prompt_image="https://example.com/cat.jpg")))

def run(**options):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(make_a_clip(**options))
"""
SETS_A_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ("run(); print('opentelemetry' in sys.modules)", "False"),
        ("import opentelemetry.trace, opentelemetry.metrics; run(); "
         "print('cometrunway._telemetry._recorder' in sys.modules)", "False"),
        (f"{SETS_A_PROVIDER}trace.set_tracer_provider(provider); run(); print(len(spans.get_finished_spans()))", "1"),
        (f"{SETS_A_PROVIDER}trace.set_tracer_provider(provider); run(telemetry=False); "
         "print(len(spans.get_finished_spans()))", "0"),
    ],
    ids=["not loaded", "not set up", "set up", "switched off"],
)  # fmt: skip
def test_telemetry_is_on_where_the_program_has_set_it_up(program: str, printed: str) -> None:
    """By default a provider that was set gets spans; without one nothing of OpenTelemetry is loaded, nor used."""
    command = [sys.executable, "-W", "error", "-c", MAKES_A_CLIP + program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout.strip(), ended.stderr) == (printed, "")


def test_without_the_package_an_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for telemetry in so many words is told what is missing; who does not never notices."""
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    Session("key")
    with pytest.raises(ValueError, match=r"pip install 'cometrunway\[otel\]'"):
        Session("key", telemetry=Telemetry())


@pytest.mark.parametrize("wrong", [None, "on", Telemetry])
def test_another_value_is_refused(wrong: object) -> None:
    """The option is True, False or a Telemetry."""
    with pytest.raises(TypeError, match="telemetry must be True, False or a Telemetry"):
        Session("key", telemetry=wrong)  # type: ignore[arg-type]
