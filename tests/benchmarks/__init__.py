"""Benchmarks: figures side by side in one run, never assertions. `nox -s benchmark` runs them all."""
