-- Schema version 3: what projects are about, and projects that are deleted.

ALTER TABLE projects ADD COLUMN description TEXT NOT NULL DEFAULT '';
-- Since when it is deleted. Its row stays for as long as jobs that wait to be purged point to it,
-- under a name that no project can have, so that its own is free at once.
ALTER TABLE projects ADD COLUMN retired_at_ms INTEGER;

PRAGMA user_version = 3;
