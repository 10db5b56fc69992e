"""A batch on the command line: the file of its shots, what it would send, and one run of it."""

from cometrunway._batch._event_log import EventLog
from cometrunway._batch._files import BatchFileError, read_shots
from cometrunway._batch._plan import check_conflicts, planned, totals
from cometrunway._batch._rows import table
from cometrunway._batch._run import BatchRun

__all__ = ["BatchFileError", "BatchRun", "EventLog", "check_conflicts", "planned", "read_shots", "table", "totals"]
