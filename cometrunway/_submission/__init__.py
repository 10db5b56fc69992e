"""Submits requests until a task is accepted: in-flight limit, create budget, journal entry, one POST.

May import `_transport`, `_journal` and all below them; never `_polling` or `_delivery`. Begin with `_submitter.py`,
which has the whole sequence. `_map.py` submits a batch with it.
"""
