-- Schema version 10: arrays of jobs, jobs that come after others, and keys that one job has at a time.

-- Jobs that one submission made, which differ by an index. What the submitter says of all of them
-- is here once: `diff` is what was changed in the submitted directory since its commit.
CREATE TABLE arrays (
    array_number INTEGER PRIMARY KEY,
    array_id TEXT NOT NULL UNIQUE CHECK (length(array_id) = 36),
    indices TEXT NOT NULL CHECK (indices <> ''),
    size INTEGER NOT NULL CHECK (size > 0),
    max_at_once INTEGER CHECK (max_at_once > 0),
    submitted_at_ms INTEGER NOT NULL,
    diff TEXT
) STRICT;

ALTER TABLE jobs ADD COLUMN array_number INTEGER REFERENCES arrays;
ALTER TABLE jobs ADD COLUMN array_index INTEGER
    CHECK ((array_index IS NULL) = (array_number IS NULL));
-- What no other job of the project may have until this one has ended or is asked to.
ALTER TABLE jobs ADD COLUMN unique_key TEXT CHECK (unique_key <> '');
CREATE UNIQUE INDEX one_job_a_unique_key ON jobs (project_number, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('queued', 'starting', 'running');
CREATE INDEX jobs_by_unique_key ON jobs (unique_key) WHERE unique_key IS NOT NULL;

-- The jobs of an array, and with the other columns how many are in which state.
CREATE INDEX jobs_by_array ON jobs (array_number, array_index, state, deleted_at_ms)
    WHERE array_number IS NOT NULL;
-- Which arrays the queue must look at.
CREATE INDEX jobs_queued_of_array ON jobs (array_number)
    WHERE array_number IS NOT NULL AND state = 'queued';
CREATE INDEX arrays_with_limits ON arrays (array_number) WHERE max_at_once IS NOT NULL;

DROP VIEW core_jobs;
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run, array_number
FROM jobs JOIN projects USING (project_number);

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, jobs.submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run, array_number, array_index,
    unique_key,
    (SELECT array_id FROM arrays WHERE arrays.array_number = jobs.array_number) AS array_id,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

-- What a job comes after. `open` are those that it still waits for, so only jobs in the queue have
-- any; how the others stood when the job had its turn or ended outlives the job that it came after.
CREATE TABLE dependencies (
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    other_id TEXT NOT NULL CHECK (length(other_id) = 36),
    condition TEXT NOT NULL CHECK (condition IN ('ok', 'any', 'failed')),
    status TEXT NOT NULL CHECK (status IN ('open', 'met', 'unmet')),
    PRIMARY KEY (job_number, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependencies_open ON dependencies (other_id) WHERE status = 'open';

PRAGMA user_version = 10;
