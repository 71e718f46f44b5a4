-- name: insert
INSERT INTO arrays (array_id, indices, size, max_at_once, submitted_at_ms, diff)
VALUES (:array_id, :indices, :size, :max_at_once, :submitted_at_ms, :diff);

-- name: insert_tag
INSERT INTO tags (job_number, name, value)
SELECT job_number, :name, :value FROM jobs WHERE array_number = :array_number;

-- name: insert_origin
INSERT INTO provenance (job_number, origin)
SELECT job_number, :origin FROM jobs WHERE array_number = :array_number;

-- name: resolve
-- An array is there as long as one of its jobs is.
SELECT array_number, array_id FROM arrays
WHERE array_id >= :prefix AND array_id < :after_prefix AND EXISTS (
    SELECT 1 FROM jobs
    WHERE jobs.array_number = arrays.array_number AND jobs.deleted_at_ms IS NULL
)
ORDER BY array_id LIMIT :limit;

-- name: load
SELECT array_number, array_id, indices, size, max_at_once, submitted_at_ms, (
    SELECT projects.name FROM jobs JOIN projects USING (project_number)
    WHERE jobs.array_number = arrays.array_number LIMIT 1
) AS project
FROM arrays WHERE array_number = :array_number;

-- name: count_by_state
SELECT state, count(*) AS jobs FROM jobs
WHERE array_number = :array_number AND deleted_at_ms IS NULL GROUP BY state;

-- name: job_at
SELECT job_id FROM jobs
WHERE array_number = :array_number AND array_index = :index AND deleted_at_ms IS NULL;

-- name: members
SELECT job_id, state FROM jobs
WHERE array_number = :array_number AND deleted_at_ms IS NULL ORDER BY job_number;

-- name: number_of_job
SELECT array_number FROM jobs WHERE job_id = :job_id;

-- name: limits
-- Of the arrays that have a job in the queue.
SELECT array_number, max_at_once FROM arrays INDEXED BY arrays_with_limits
WHERE max_at_once IS NOT NULL AND EXISTS (
    SELECT 1 FROM jobs INDEXED BY jobs_queued_of_array
    WHERE jobs.array_number = arrays.array_number AND jobs.state = 'queued'
);

-- name: forget
DELETE FROM arrays WHERE array_number = :array_number
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.array_number = arrays.array_number);
