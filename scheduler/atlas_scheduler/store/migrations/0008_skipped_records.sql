-- Schema version 8: how many lines of a job's event file were not as they should be.

ALTER TABLE jobs ADD COLUMN skipped_records INTEGER NOT NULL DEFAULT 0 CHECK (skipped_records >= 0);

PRAGMA user_version = 8;
