"""The marble sorter, end to end on this machine."""
