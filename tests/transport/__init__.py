"""The tests of transport."""
