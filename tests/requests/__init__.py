"""The tests of requests."""
