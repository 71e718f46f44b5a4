-- Schema version 12: schedules.

-- Submissions that are made again and again. `submission` is as it was asked for, except that the
-- project is the row's, which may have been renamed; its bundle is kept as long as the schedule.
CREATE TABLE schedules (
    schedule_number INTEGER PRIMARY KEY,
    schedule_id TEXT NOT NULL UNIQUE CHECK (length(schedule_id) = 36),
    project_number INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
    cron TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'allow')),
    submission TEXT NOT NULL CHECK (json_type(submission) = 'object'),
    bundle TEXT NOT NULL CHECK (bundle GLOB 'sha256:*'),
    created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE,
    paused_by TEXT,
    next_at_ms INTEGER CHECK (next_at_ms IS NULL OR paused_by IS NULL),
    last_at_ms INTEGER,
    last_job_id TEXT,
    skipped INTEGER NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    problem TEXT
) STRICT;
CREATE INDEX schedules_in_turn ON schedules (next_at_ms) WHERE next_at_ms IS NOT NULL;
CREATE INDEX schedules_by_bundle ON schedules (bundle);

-- The schedule that submitted it, which may be deleted meanwhile.
ALTER TABLE jobs ADD COLUMN schedule_id TEXT;
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, state) WHERE schedule_id IS NOT NULL;

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, jobs.submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run, array_number, array_index,
    unique_key, schedule_id,
    (SELECT array_id FROM arrays WHERE arrays.array_number = jobs.array_number) AS array_id,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

PRAGMA user_version = 12;
