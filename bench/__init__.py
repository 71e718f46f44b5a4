"""Measurements of Atlas, each against a peer in the same run: `./dev bench` runs them."""
