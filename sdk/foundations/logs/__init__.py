"""The lines of a log, and when they were written."""
