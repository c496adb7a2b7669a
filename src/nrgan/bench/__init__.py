"""How fast training is, and how close to what the machine can do."""
