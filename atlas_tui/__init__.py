"""The control center."""
