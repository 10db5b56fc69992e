"""The options of telemetry, and the check whether anything is recorded."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from attrs import frozen

from cometrunway._keywords import hints_keywords

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from cometrunway._telemetry._recorder import Recorder


@hints_keywords
@frozen(kw_only=True)
class Telemetry:
    """The options of spans and metrics. It needs the extra `cometrunway[otel]`.

    Args:
        prompts: whether spans have the prompts, as `gen_ai.input.messages`.
        tracer_provider: the provider of spans; by default the global one.
        meter_provider: the provider of metrics; by default the global one.
    """

    prompts: bool = False
    tracer_provider: "TracerProvider | None" = None
    meter_provider: "MeterProvider | None" = None


def checked(telemetry: object) -> Telemetry | bool:
    """Return the option of a session; `TypeError` or `ValueError` says what is wrong with it."""
    if not isinstance(telemetry, Telemetry | bool):
        raise TypeError(f"telemetry must be True, False or a Telemetry, got {telemetry!r}")
    if isinstance(telemetry, Telemetry):
        try:
            import_module("opentelemetry.metrics")
        except ImportError as error:
            raise ValueError("telemetry=Telemetry(...) needs an extra: pip install 'cometrunway[otel]'") from error
    return telemetry


def recorder_of(telemetry: Telemetry | bool, *, provider: str, host: str, port: int) -> "Recorder | None":
    """Return the recorder of a session on this API; None if there is no provider that records."""
    if telemetry is False or (telemetry is True and not _is_set_up()):
        return None
    from cometrunway._telemetry._recorder import Recorder  # noqa: PLC0415 - the extra may be missing

    options = telemetry if isinstance(telemetry, Telemetry) else Telemetry()
    return Recorder(
        tracer_provider=options.tracer_provider,
        meter_provider=options.meter_provider,
        prompts=options.prompts,
        provider=provider,
        host=host,
        port=port,
    )


def _is_set_up() -> bool:
    """Whether the program has set a provider of spans or metrics. For that it has imported opentelemetry."""
    trace, metrics = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.metrics")
    return (trace is not None and _records(trace.get_tracer_provider())) or (
        metrics is not None and _records(metrics.get_meter_provider())
    )


def _records(provider: object) -> bool:
    """Whether a provider records. The default providers of the OpenTelemetry API do not."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))
