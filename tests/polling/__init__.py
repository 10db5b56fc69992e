"""The tests of polling."""
