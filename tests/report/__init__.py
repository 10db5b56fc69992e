"""The tests of batch."""
