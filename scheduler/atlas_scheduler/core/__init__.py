"""Decisions as plain data: no await, clock, random number or I/O below this package."""
