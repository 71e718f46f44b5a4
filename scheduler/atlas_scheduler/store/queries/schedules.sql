-- name: insert
INSERT INTO schedules (
    schedule_id, project_number, cron, time_zone, overlap, submission, bundle,
    created_by, created_at_ms, idempotency_key, next_at_ms, queued_jobs
) VALUES (
    :schedule_id, (SELECT project_number FROM projects WHERE name = :project),
    :cron, :time_zone, :overlap, :submission, :bundle,
    :created_by, :created_at_ms, :idempotency_key, :next_at_ms, :queued_jobs
);

-- name: by_idempotency_key
SELECT schedule_id FROM schedules WHERE idempotency_key = :key;

-- name: resolve
SELECT schedule_id FROM schedules
WHERE schedule_id >= :prefix AND schedule_id < :after_prefix ORDER BY schedule_id LIMIT :limit;

-- name: all
SELECT schedules.*, projects.name AS project, jobs.state AS last_job_state
FROM schedules JOIN projects USING (project_number)
LEFT JOIN jobs ON jobs.job_id = last_job_id AND jobs.deleted_at_ms IS NULL
ORDER BY schedule_number;

-- name: load
SELECT schedules.*, projects.name AS project, jobs.state AS last_job_state
FROM schedules JOIN projects USING (project_number)
LEFT JOIN jobs ON jobs.job_id = last_job_id AND jobs.deleted_at_ms IS NULL
WHERE schedules.schedule_id = :schedule_id;

-- name: due
SELECT schedule_id FROM schedules WHERE next_at_ms <= :now_ms ORDER BY next_at_ms, schedule_number;

-- name: next_due
SELECT min(next_at_ms) AS next_at_ms FROM schedules WHERE next_at_ms IS NOT NULL;

-- name: has_unfinished_job
SELECT EXISTS (
    SELECT 1 FROM jobs WHERE schedule_id = :schedule_id
        AND state IN ('queued', 'starting', 'running', 'stopping')
) AS has_one;

-- name: note
-- What came of a time.
UPDATE schedules SET
    next_at_ms = :next_at_ms, last_at_ms = :now_ms,
    last_job_id = coalesce(:job_id, last_job_id), skipped = skipped + :skipped, problem = :problem
WHERE schedule_id = :schedule_id;

-- name: set_pause
UPDATE schedules SET
    paused_by = :by, next_at_ms = :next_at_ms,
    problem = CASE WHEN :by IS NULL THEN :problem ELSE problem END
WHERE schedule_id = :schedule_id;

-- name: delete
DELETE FROM schedules WHERE schedule_id = :schedule_id;

-- name: of_project
SELECT count(*) AS schedules FROM schedules JOIN projects USING (project_number)
WHERE projects.name = :project;
