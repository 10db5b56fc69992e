"""A batch on the command line: the file of its shots, and one run of it."""

from cometrunway._batch._files import BatchFileError, read_shots
from cometrunway._batch._run import BatchRun

__all__ = ["BatchFileError", "BatchRun", "read_shots"]
