"""What the scheduler keeps: the database, and beside it bundles, job dirs, archives and logs."""
