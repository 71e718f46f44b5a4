"""Widgets that paint line by line, so that long lists and logs cost what is seen of them."""
