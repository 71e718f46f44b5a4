-- name: insert
INSERT INTO dependencies (job_number, other_id, condition, status)
SELECT job_number, :other_id, :condition, :status FROM jobs WHERE job_id = :job_id;

-- name: of_job
SELECT other_id, condition, status, others.state
FROM jobs
CROSS JOIN dependencies USING (job_number)
LEFT JOIN jobs AS others ON others.job_id = other_id AND others.deleted_at_ms IS NULL
WHERE jobs.job_id = :job_id
ORDER BY others.job_number, other_id LIMIT :limit;

-- name: after
-- Those that still wait for this job.
SELECT waiting.job_id, condition
FROM dependencies INDEXED BY dependencies_open
CROSS JOIN jobs AS waiting USING (job_number)
WHERE other_id = :other_id AND status = 'open'
ORDER BY waiting.job_number;

-- name: blockers
SELECT waiting.job_id, other_id, others.state
FROM dependencies INDEXED BY dependencies_open
CROSS JOIN jobs AS waiting USING (job_number)
JOIN jobs AS others ON others.job_id = other_id
WHERE status = 'open'
ORDER BY others.job_number;

-- name: meet
UPDATE dependencies SET status = 'met'
WHERE other_id = :other_id AND status = 'open'
    AND job_number = (SELECT job_number FROM jobs WHERE job_id = :job_id);

-- name: close
-- A job that has ended waits for nothing any more.
UPDATE dependencies SET status = 'unmet'
WHERE status = 'open' AND job_number = (SELECT job_number FROM jobs WHERE job_id = :job_id);
