"""Notebooks: real kernels, and what they show."""
