"""From an accepted task to its end: when to poll it, and what its answers mean for those that wait.

May import `_journal`, `_policies` and all below them; never `_submission` or `_delivery`. Begin with `_scheduler.py`;
`_duration_model.py` learns how long tasks take, on top of `_hazard_table.py`, and `_duration_history.py` keeps that in
the journal; `_rate_limit.py` bounds the polls of a session.
"""
