-- Schema version 11: what a project keeps of its jobs.

-- `{"keep_last": …, "keep_days": …}`; NULL where the server's settings decide.
ALTER TABLE projects ADD COLUMN retention TEXT
    CHECK (retention IS NULL OR json_type(retention) = 'object');

PRAGMA user_version = 11;
