"""The tests of report."""
