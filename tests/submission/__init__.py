"""The tests of submission."""
