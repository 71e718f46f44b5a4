-- name: insert_project
INSERT INTO projects (name, created_at_ms) VALUES (:project, :now_ms)
ON CONFLICT (name) DO NOTHING;

-- name: insert_job
INSERT INTO jobs (
    job_id, project_number, state, queue_order, priority, held_by, not_before_ms,
    limits, retried, timed_out, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    engine, archived, records_offset, idempotency_key, deleted_at_ms,
    bundle, bundle_size_bytes, spec, local_run, array_number, array_index, unique_key,
    schedule_id
) VALUES (
    :job_id, (SELECT project_number FROM projects WHERE name = :project),
    :state, :queue_order, :priority, :held_by, :not_before_ms,
    :limits, :retried, :timed_out, :attempt, :gpus,
    :submitted_at_ms, :started_at_ms, :finished_at_ms, :exit_code, :reason,
    :engine, :archived, :records_offset, :idempotency_key, :deleted_at_ms,
    :bundle, :bundle_size_bytes, :spec, :local_run, :array_number, :array_index, :unique_key,
    :schedule_id
);

-- name: insert_tag
INSERT INTO tags (job_number, name, value)
SELECT job_number, :name, :value FROM jobs WHERE job_id = :job_id;

-- name: save_job
-- What fails undoes the whole write, so that this need not be undone by itself, which is slow.
-- What the submitter decided never changes; an engine, once known, is not forgotten.
UPDATE OR FAIL jobs SET
    state = :state, queue_order = :queue_order, priority = :priority, held_by = :held_by,
    passed_over_at_ms = :passed_over_at_ms, not_before_ms = :not_before_ms, retried = :retried,
    timed_out = :timed_out, attempt = :attempt, gpus = :gpus,
    started_at_ms = :started_at_ms, finished_at_ms = :finished_at_ms,
    exit_code = :exit_code, reason = :reason, engine = coalesce(:engine, engine)
WHERE job_id = :job_id;

-- name: load
SELECT * FROM stored_jobs WHERE job_id = :job_id;

-- name: load_job
SELECT * FROM core_jobs WHERE job_id = :job_id;

-- name: by_idempotency_key
SELECT job_id FROM jobs WHERE idempotency_key = :key AND deleted_at_ms IS NULL;

-- name: with_unique_key
-- Those that have not ended.
SELECT * FROM core_jobs WHERE job_number IN (
    SELECT job_number FROM jobs JOIN projects USING (project_number)
    WHERE unique_key = :key AND projects.name = :project
        AND state IN ('queued', 'starting', 'running', 'stopping')
) ORDER BY job_number;

-- name: resolve
-- Ids that begin with a prefix are a range of the index on ids.
SELECT job_id FROM jobs
WHERE job_id >= :prefix AND job_id < :after_prefix AND deleted_at_ms IS NULL
ORDER BY job_id LIMIT :limit;

-- name: next_order
-- Behind every job that waits, also one that was moved to the end.
SELECT 1 + max(
    coalesce((SELECT max(job_number) FROM jobs), 0),
    coalesce((SELECT max(queue_order) FROM jobs WHERE state = 'queued'), 0)
) AS queue_order;

-- name: queued
SELECT * FROM core_jobs WHERE state = 'queued'
ORDER BY priority DESC, queue_order, job_number;

-- name: queued_of_project
SELECT * FROM core_jobs WHERE state = 'queued' AND project = :project
ORDER BY priority DESC, queue_order, job_number;

-- name: next_turn
SELECT min(not_before_ms) AS at_ms FROM jobs
WHERE state = 'queued' AND not_before_ms > :now_ms;

-- name: next_expiry
SELECT min(expires_at_ms) AS at_ms FROM jobs
WHERE state = 'queued' AND expires_at_ms IS NOT NULL;

-- name: expired
SELECT core_jobs.* FROM jobs JOIN core_jobs USING (job_number)
WHERE jobs.state = 'queued' AND jobs.expires_at_ms <= :now_ms
ORDER BY jobs.expires_at_ms;

-- name: holding
SELECT * FROM core_jobs
WHERE state IN ('starting', 'running', 'stopping') AND local_run IS NULL ORDER BY job_number;

-- name: running_locally
SELECT * FROM core_jobs WHERE local_run IS NOT NULL AND finished_at_ms IS NULL ORDER BY job_number;

-- name: is_known
SELECT EXISTS (SELECT 1 FROM jobs WHERE job_id = :job_id) AS is_known;

-- name: unfinished_archives
-- Named, because SQLite takes the larger index of every ended job for as good.
SELECT core_jobs.*
FROM jobs INDEXED BY jobs_unarchived JOIN core_jobs USING (job_number)
WHERE jobs.finished_at_ms IS NOT NULL AND jobs.archived = 0 AND jobs.deleted_at_ms IS NULL
ORDER BY jobs.finished_at_ms;

-- name: mark_archived
UPDATE jobs SET archived = 1 WHERE job_id = :job_id;

-- name: mark_deleted
UPDATE jobs SET deleted_at_ms = coalesce(deleted_at_ms, :now_ms)
WHERE job_id = :job_id AND finished_at_ms IS NOT NULL;

-- name: resolve_deleted
SELECT job_id FROM jobs
WHERE job_id >= :prefix AND job_id < :after_prefix
    AND deleted_at_ms IS NOT NULL AND sweep_began_at_ms IS NULL
ORDER BY job_id LIMIT :limit;

-- name: restore
-- A key that was given again meanwhile belongs to the later job.
UPDATE jobs SET
    deleted_at_ms = NULL,
    idempotency_key = CASE WHEN EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.idempotency_key = jobs.idempotency_key AND other.deleted_at_ms IS NULL
    ) THEN NULL ELSE idempotency_key END
WHERE job_id = :job_id AND deleted_at_ms IS NOT NULL AND sweep_began_at_ms IS NULL;

-- name: begin_sweeps
UPDATE jobs SET sweep_began_at_ms = :now_ms
WHERE deleted_at_ms <= :deleted_until_ms AND sweep_began_at_ms IS NULL;

-- name: sweeping
SELECT job_id FROM jobs WHERE deleted_at_ms IS NOT NULL AND sweep_began_at_ms IS NOT NULL
ORDER BY deleted_at_ms;

-- name: oldest_deletion
SELECT min(deleted_at_ms) AS deleted_at_ms FROM jobs
WHERE deleted_at_ms IS NOT NULL AND sweep_began_at_ms IS NULL;

-- name: purge
-- What the job recorded goes with it; its history stays.
DELETE FROM jobs WHERE job_id = :job_id AND deleted_at_ms IS NOT NULL;

-- name: bundle_in_use
-- A deleted job that can still come back needs its bundle, and so does a schedule.
SELECT EXISTS (
    SELECT 1 FROM jobs WHERE bundle = :bundle AND deleted_at_ms IS NULL
) OR EXISTS (
    SELECT 1 FROM jobs
    WHERE bundle = :bundle AND deleted_at_ms IS NOT NULL AND sweep_began_at_ms IS NULL
) OR EXISTS (
    SELECT 1 FROM schedules WHERE bundle = :bundle
) AS in_use;
