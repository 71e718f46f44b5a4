-- Schema version 9: jobs that wait for a time, limits on time, and retries.

-- When a job that waits may have its turn.
ALTER TABLE jobs ADD COLUMN not_before_ms INTEGER
    CHECK (not_before_ms IS NULL OR state = 'queued');
CREATE INDEX jobs_not_before ON jobs (not_before_ms)
    WHERE state = 'queued' AND not_before_ms IS NOT NULL;

-- What the spec says of time and retries, in the core's words; NULL where it says nothing.
ALTER TABLE jobs ADD COLUMN limits TEXT CHECK (json_type(limits) = 'object');
-- Why its earlier attempts were followed by another, in order; NULL where none was.
ALTER TABLE jobs ADD COLUMN retried TEXT CHECK (json_type(retried) = 'array');
ALTER TABLE jobs ADD COLUMN timed_out INTEGER NOT NULL DEFAULT 0
    CHECK (timed_out = 0 OR timed_out = 1 AND state IN ('stopping', 'failed'));
-- When a job that waits has waited for as long as it may.
ALTER TABLE jobs ADD COLUMN expires_at_ms INTEGER GENERATED ALWAYS AS (
    max(submitted_at_ms, coalesce(not_before_ms, 0)) + json_extract(limits, '$.queue_ms')
) VIRTUAL;
CREATE INDEX jobs_expiring ON jobs (expires_at_ms)
    WHERE state = 'queued' AND expires_at_ms IS NOT NULL;

DROP VIEW core_jobs;
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run
FROM jobs JOIN projects USING (project_number);

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

PRAGMA user_version = 9;
