"""OpenTelemetry: spans and metrics of what a session does. Begin with `_recorder.py`.

Only `_recorder.py` and `_metrics.py` import opentelemetry, and nothing imports those two before there is something to
record to. It may import the values: requests, tasks, events and handles.
"""
