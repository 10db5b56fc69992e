"""Real faults of real processes: servers that are killed, relays and clients that are stopped, lost names."""
