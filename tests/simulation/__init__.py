"""The real scheduler against servers of known distributions, on virtual time: what polls cost, and what they bring."""
