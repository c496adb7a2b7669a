"""The tour of a few minutes: one command, one picture."""
