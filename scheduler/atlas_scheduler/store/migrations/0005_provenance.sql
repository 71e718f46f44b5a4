-- Schema version 5: where jobs come from, and what they ran on.

-- Each part is a JSON object as the API shows it, written by whoever knows it: the submitter
-- (`origin`, without its diff), the engine (`execution`, of the latest attempt), the job
-- (`environment`). Lists do not read this table; the columns behind them are what filters look at.
CREATE TABLE provenance (
    job_number INTEGER NOT NULL PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    origin TEXT CHECK (json_type(origin) = 'object'),
    execution TEXT CHECK (json_type(execution) = 'object'),
    environment TEXT CHECK (json_type(environment) = 'object'),
    git_commit TEXT GENERATED ALWAYS AS (json_extract(origin, '$.git.commit')),
    git_branch TEXT GENERATED ALWAYS AS (json_extract(origin, '$.git.branch')),
    git_dirty INTEGER GENERATED ALWAYS AS (json_extract(origin, '$.git.dirty')),
    host TEXT GENERATED ALWAYS AS (json_extract(execution, '$.host')),
    image_id TEXT GENERATED ALWAYS AS (json_extract(execution, '$.image_id')),
    python TEXT GENERATED ALWAYS AS (json_extract(environment, '$.python'))
) STRICT;
-- What a commit led to.
CREATE INDEX provenance_by_commit ON provenance (git_commit) WHERE git_commit IS NOT NULL;

-- What was changed in the submitted directory since its commit, in a table of its own because it
-- may be long and is rarely read.
CREATE TABLE submitted_diffs (
    job_number INTEGER NOT NULL PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
    diff TEXT NOT NULL
) STRICT;

PRAGMA user_version = 5;
