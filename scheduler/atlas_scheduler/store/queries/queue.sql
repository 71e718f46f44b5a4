-- name: changes
SELECT coalesce(min(change_number), 0) AS first, coalesce(max(change_number), 0) AS last
FROM queue_changes;

-- name: changed
SELECT DISTINCT job_id FROM queue_changes WHERE change_number > :after;

-- name: still_queued
-- Of these jobs. No outer join with the view: SQLite would make all of it first.
SELECT * FROM core_jobs
WHERE job_id IN (SELECT value FROM json_each(:job_ids)) AND state = 'queued';

-- name: durations
-- Of the latest completed jobs of a project that ran this script; only so far back that a script
-- which nobody runs any more costs little.
SELECT finished_at_ms - started_at_ms AS duration_ms
FROM (
    SELECT started_at_ms, finished_at_ms, spec FROM jobs
    WHERE project_number = (SELECT project_number FROM projects WHERE name = :project)
        AND state = 'completed' AND deleted_at_ms IS NULL
    ORDER BY job_number DESC LIMIT :look_back
)
WHERE coalesce(json_extract(spec, '$.command[0]'), '') = :script AND started_at_ms IS NOT NULL
LIMIT :most;
