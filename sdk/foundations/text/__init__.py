"""What people read and write: times, sizes, values and charts, safe for a terminal."""
