"""The two-minute tour: one command, one picture."""
