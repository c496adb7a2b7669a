"""Tests of README.md and the pages of docs/; a package, so that no other `docs` is taken for it."""
