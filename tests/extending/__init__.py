"""The examples of docs/extending.md, a file each, and their tests; a package, to be imported by its name."""
