"""The tables and the indexes of a journal of the present version."""

VERSION = 6
"""Of the journals that this version writes. In version 6 the state `cancelled` is new."""
SUBMISSIONS = """
CREATE TABLE submission (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    route TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    creates INTEGER NOT NULL DEFAULT 1,
    task_id TEXT,
    submitted_at REAL,
    created_at REAL,
    ended_at REAL,
    delivered_at REAL,
    reason TEXT,
    failure TEXT,
    assets TEXT NOT NULL DEFAULT '[]'
)
"""
DURATIONS = "CREATE TABLE pace (kind TEXT PRIMARY KEY, learnt TEXT NOT NULL)"
"""New in version 2: the learned durations of each kind of task."""
ALIASES = "CREATE TABLE alias (name TEXT PRIMARY KEY, key TEXT NOT NULL)"
"""New in version 3: the new names of submissions without a key that an earlier version named."""
FOLDERS = "CREATE TABLE folder (number INTEGER PRIMARY KEY, absolute TEXT NOT NULL UNIQUE, from_journal TEXT NOT NULL)"
"""New in version 3: output folders, with their full paths and their paths relative to the journal's folder."""
SECRETS = "CREATE TABLE secret (purpose TEXT PRIMARY KEY, value BLOB NOT NULL)"
"""New in version 5: random bytes, from which the callback paths of the submissions are derived."""
NOT_DELIVERED = "state <> 'delivered'"
NOT_VERIFIED = """instr(assets, '"verified": false')"""
INDEXES = (
    f"CREATE INDEX not_delivered ON submission (number, state) WHERE {NOT_DELIVERED}",
    f"CREATE INDEX not_verified ON submission (number) WHERE {NOT_VERIFIED}",
    "CREATE INDEX creates ON submission (route, creates)",
)
"""New in version 4. A query uses a partial index only if it has the index's own condition, word for word."""
