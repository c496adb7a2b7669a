"""Verbs of the command line, by what they are for; `nrgan.cli` joins them."""
