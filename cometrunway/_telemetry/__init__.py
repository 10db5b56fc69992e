"""OpenTelemetry: spans and metrics of a session. Begin with `_recorder.py`.

Only `_recorder.py` and `_metrics.py` import opentelemetry. They are imported only if a provider records. The package
may import the values: requests, tasks, events and handles.
"""
