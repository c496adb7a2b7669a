"""Learning: configuration, one iteration, the loop over them, and checkpoints."""
