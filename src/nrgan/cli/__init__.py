"""The command line. Words only: what a verb does is a function of the room that does the work."""

from nrgan.cli.bench import Bench
from nrgan.cli.entry import Verb, main

__all__ = ["Bench", "Verb", "main"]
