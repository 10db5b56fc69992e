"""Tests of the journal in PostgreSQL."""
