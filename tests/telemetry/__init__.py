"""The tests of telemetry."""
