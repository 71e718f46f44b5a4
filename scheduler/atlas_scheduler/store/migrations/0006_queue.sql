-- Schema version 6: priorities, holds, pauses of the queue, and deletions that can be undone.

ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0
    CHECK (priority BETWEEN -100 AND 100);
-- Who keeps a job that waits from being chosen.
ALTER TABLE jobs ADD COLUMN held_by TEXT CHECK (held_by IS NULL OR state = 'queued');
-- Since when the files of a deleted job are being removed: from then on it cannot come back.
ALTER TABLE jobs ADD COLUMN sweep_began_at_ms INTEGER
    CHECK (sweep_began_at_ms IS NULL OR deleted_at_ms IS NOT NULL);

-- The queue as jobs have their turns; `jobs_queued` goes on to tell the last order.
CREATE INDEX jobs_in_turn ON jobs (priority DESC, queue_order) WHERE state = 'queued';

DROP VIEW core_jobs;
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run
FROM jobs JOIN projects USING (project_number);

DROP VIEW stored_jobs;
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

-- What nothing starts for until somebody resumes it: one project, or all where there is none.
CREATE TABLE queue_pauses (
    pause_number INTEGER PRIMARY KEY,
    project_number INTEGER REFERENCES projects ON DELETE CASCADE,
    paused_by TEXT NOT NULL,
    paused_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_pause_a_project ON queue_pauses (coalesce(project_number, 0));

-- History has rows about the queue itself too: they have no job and no state, and a project only
-- where they are about one.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT,
    project TEXT,
    event TEXT NOT NULL CHECK (event <> ''),
    state TEXT CHECK (state IN (
        'queued', 'starting', 'running', 'stopping',
        'completed', 'failed', 'stopped', 'lost', 'pruned'
    )),
    at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL CHECK (json_type(detail) = 'object'),
    CONSTRAINT jobs_have_a_project_and_a_state CHECK (
        (job_id IS NULL) = (state IS NULL) AND (job_id IS NULL OR project IS NOT NULL)
    )
) STRICT;
INSERT INTO events SELECT seq, job_id, project, event, state, at_ms, detail FROM job_events;
DROP TABLE job_events;
ALTER TABLE events RENAME TO job_events;
CREATE INDEX job_events_of_job ON job_events (job_id, seq) WHERE job_id IS NOT NULL;

PRAGMA user_version = 6;
