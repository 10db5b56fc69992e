"""Tests of a fleet of workers."""
