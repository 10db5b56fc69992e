"""Coverage-guided fuzzing of what reads foreign bytes; `python -m tests.fuzzing --help` runs it."""
