"""The `foundations` command line: one module per verb."""
