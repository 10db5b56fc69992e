"""The tests of media."""
