"""Schedulers behind ssh: a tunnel that leads a socket here to one on another machine."""
