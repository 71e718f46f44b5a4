"""What whoever runs a server does with it: read its log, install it, back it up, restore it."""
