-- Schema version 13: what jobs ask for in full, jobs that were passed over, and what changed in the
-- queue.

DROP VIEW core_jobs;
DROP VIEW stored_jobs;

-- A share of a GPU is no whole number: out of the spec, where it is exact.
ALTER TABLE jobs DROP COLUMN num_gpus;
ALTER TABLE jobs ADD COLUMN num_gpus ANY
    GENERATED ALWAYS AS (coalesce(json_extract(spec, '$.num_gpus'), 0)) VIRTUAL;
-- When, at the head of its project's line, a job first saw a later one start before it.
ALTER TABLE jobs ADD COLUMN passed_over_at_ms INTEGER
    CHECK (passed_over_at_ms IS NULL OR state = 'queued');

CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run, array_number,
    coalesce(json_extract(spec, '$.cpus'), 0) AS cpus,
    coalesce(json_extract(spec, '$.ram_gb'), 0) AS ram_gb,
    user, coalesce(json_extract(spec, '$.command[0]'), '') AS script, passed_over_at_ms
FROM jobs JOIN projects USING (project_number);

CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, priority, held_by,
    not_before_ms, limits, retried, timed_out, attempt,
    gpus, jobs.submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number, local_run, array_number, array_index,
    unique_key, schedule_id,
    (SELECT array_id FROM arrays WHERE arrays.array_number = jobs.array_number) AS array_id,
    coalesce(json_extract(spec, '$.cpus'), 0) AS cpus,
    coalesce(json_extract(spec, '$.ram_gb'), 0) AS ram_gb,
    user, coalesce(json_extract(spec, '$.command[0]'), '') AS script, passed_over_at_ms,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

-- Which jobs came into the queue, left it or changed in it, in order: who keeps the queue in
-- memory catches up with these, and reads it anew when those it needs are gone.
CREATE TABLE queue_changes (
    change_number INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL
) STRICT;
CREATE TRIGGER queue_joined AFTER INSERT ON jobs WHEN new.state = 'queued'
BEGIN
    INSERT INTO queue_changes (job_id) VALUES (new.job_id);
END;
CREATE TRIGGER queue_changed AFTER UPDATE ON jobs WHEN old.state = 'queued' OR new.state = 'queued'
BEGIN
    INSERT INTO queue_changes (job_id) VALUES (new.job_id);
END;
CREATE TRIGGER queue_renamed AFTER UPDATE OF name ON projects
BEGIN
    INSERT INTO queue_changes (job_id)
    SELECT job_id FROM jobs WHERE project_number = new.project_number AND state = 'queued';
END;
-- What a job comes after, and how that stands.
CREATE TRIGGER queue_dependency_added AFTER INSERT ON dependencies WHEN new.status = 'open'
BEGIN
    INSERT INTO queue_changes (job_id) SELECT job_id FROM jobs WHERE job_number = new.job_number;
END;
CREATE TRIGGER queue_dependency_changed AFTER UPDATE OF status ON dependencies
WHEN old.status = 'open'
BEGIN
    INSERT INTO queue_changes (job_id) SELECT job_id FROM jobs WHERE job_number = new.job_number;
END;
CREATE TRIGGER queue_blocker_changed AFTER UPDATE OF state ON jobs WHEN old.state <> new.state
BEGIN
    INSERT INTO queue_changes (job_id)
    SELECT waiting.job_id
    FROM dependencies JOIN jobs AS waiting USING (job_number)
    WHERE other_id = new.job_id AND status = 'open';
END;
CREATE TRIGGER queue_changes_age AFTER INSERT ON queue_changes
WHEN new.change_number % 256 = 0
BEGIN
    DELETE FROM queue_changes WHERE change_number <= new.change_number - 5000;
END;

PRAGMA user_version = 13;
