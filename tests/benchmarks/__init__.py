"""Benchmarks: figures side by side in one run, never assertions. `nox -s benchmark` makes and renews them."""
