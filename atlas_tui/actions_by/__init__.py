"""The entries of the table of actions, one module a thing that they act on."""
