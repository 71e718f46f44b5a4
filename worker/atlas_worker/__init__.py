"""What runs beside a job: its entry point, and the shim that owns its process.

Everything here runs on the interpreter of the job: the standard library only, Python 3.8 syntax.
"""
