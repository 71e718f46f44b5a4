-- Schema version 9: jobs that wait for a time.

-- When a job that waits may have its turn.
ALTER TABLE jobs ADD COLUMN not_before_ms INTEGER
    CHECK (not_before_ms IS NULL OR state = 'queued');
CREATE INDEX jobs_not_before ON jobs (not_before_ms)
    WHERE state = 'queued' AND not_before_ms IS NOT NULL;

DROP VIEW core_jobs;
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run
FROM jobs JOIN projects USING (project_number);

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

PRAGMA user_version = 9;
