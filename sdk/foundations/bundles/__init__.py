"""The content of a directory: what of it is packed, sent to a scheduler, and unpacked there."""
