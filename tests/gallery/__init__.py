"""The tests of gallery."""
