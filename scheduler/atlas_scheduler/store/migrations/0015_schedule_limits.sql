-- Schema version 15: schedules are held to limits.

-- Most jobs of its user that may wait at once, by the token that made it; NULL is any number.
ALTER TABLE schedules ADD COLUMN queued_jobs INTEGER CHECK (queued_jobs >= 0);

PRAGMA user_version = 15;
