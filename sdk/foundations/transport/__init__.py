"""Reaching a scheduler: its address, TLS, what an answer means, and asking again."""
