-- Schema version 4: local runs, which no scheduler started.

-- What a local run says of itself; NULL for a job that was submitted. A local run has no bundle:
-- its `bundle` is 'sha256:none'.
ALTER TABLE jobs ADD COLUMN local_run TEXT CHECK (
    local_run IS NULL OR (json_type(local_run) = 'object' AND bundle = 'sha256:none')
);
CREATE INDEX jobs_running_locally ON jobs (job_number)
    WHERE local_run IS NOT NULL AND finished_at_ms IS NULL;

DROP VIEW core_jobs;
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run
FROM jobs JOIN projects USING (project_number);

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

PRAGMA user_version = 4;
