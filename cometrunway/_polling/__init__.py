"""Polling: follows an accepted task until it ends, decides when to poll it, and resolves its future.

May import `_journal`, `_policies` and all below them; never `_submission` or `_delivery`. Begin with `_scheduler.py`;
`_duration_model.py` learns how long tasks take and uses `_hazard_table.py`. `_duration_history.py` stores the result in
the journal. `_rate_limit.py` limits the polls of a session.
"""
