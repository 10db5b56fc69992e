"""The tests of delivery."""
