"""Programs that are measured beside Sagesse, each run as a process of its own."""
