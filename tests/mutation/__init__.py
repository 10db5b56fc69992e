"""Mutation testing: small changes of the code, one at a time, each of which a test of its package should notice."""
