"""Tests of the callback receiver."""
