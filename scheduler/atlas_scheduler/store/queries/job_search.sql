-- name: by_number
-- CROSS JOIN keeps the order of the tables: the few numbers first, in their order.
SELECT stored_jobs.*
FROM json_each(:numbers) AS wanted
CROSS JOIN stored_jobs ON stored_jobs.job_number = wanted.value
ORDER BY wanted.key;

-- name: numbers_in_state
SELECT found.job_number FROM jobs AS found WHERE found.state = ? AND found.deleted_at_ms IS NULL

-- name: numbers_of_project
SELECT found.job_number FROM jobs AS found
WHERE found.project_number = (SELECT project_number FROM projects WHERE name = ?)
    AND found.deleted_at_ms IS NULL

-- name: numbers_at_commit
SELECT found.job_number FROM provenance AS found
WHERE found.git_commit = ? AND EXISTS (
    SELECT 1 FROM jobs WHERE jobs.job_number = found.job_number AND jobs.deleted_at_ms IS NULL
)
