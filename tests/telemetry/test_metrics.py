"""The instruments."""

from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from cometrunway._telemetry._metrics import Instruments, Labels, Tally

PAGE = Path(__file__).parent.parent.parent / "docs" / "telemetry.md"


def test_every_metric_stands_in_the_documentation() -> None:
    """The table names all instruments, and no other."""
    reader = InMemoryMetricReader()
    instruments = Instruments.of(MeterProvider([reader]))
    labels = Labels({})
    for value in vars(Instruments).values():
        tally = value.__get__(instruments) if hasattr(value, "__get__") else None
        if isinstance(tally, Tally):
            tally.add(labels)
    instruments.record_duration(1.0, {})
    data = reader.get_metrics_data()
    assert data is not None
    names = {metric.name for of in data.resource_metrics for scope in of.scope_metrics for metric in scope.metrics}
    table = PAGE.read_text().partition("| metric |")[2].partition("\n\n")[0]
    assert names == {row.split("`")[1] for row in table.splitlines() if row.startswith("| `")}


def test_numbers_are_kept_apart_by_their_labels() -> None:
    """Two routes, and two errors of one of them, are three numbers."""
    tally, one, other = Tally("error.type"), Labels({"route": "a"}), Labels({"route": "b"})
    for labels, value in ((one, "X"), (one, "X"), (one, "Y"), (other, "X")):
        tally.add(labels, value=value)
    seen = [(dict(seen.attributes or {}), seen.value) for seen in tally.observe(None)]  # type: ignore[arg-type]  # unused
    assert seen == [
        ({"route": "a", "error.type": "X"}, 2),
        ({"route": "a", "error.type": "Y"}, 1),
        ({"route": "b", "error.type": "X"}, 1),
    ]
