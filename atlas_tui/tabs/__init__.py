"""The tabs of the screen about one job, one a file."""
