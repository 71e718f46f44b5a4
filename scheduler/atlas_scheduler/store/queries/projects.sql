-- name: find
SELECT project_number FROM projects WHERE name = :name AND retired_at_ms IS NULL;

-- name: rename
UPDATE projects SET name = :new_name WHERE project_number = :project_number;

-- name: describe
UPDATE projects SET description = :description WHERE project_number = :project_number;

-- name: jobs
SELECT * FROM core_jobs
WHERE job_number IN (
    SELECT job_number FROM jobs
    WHERE project_number = :project_number AND deleted_at_ms IS NULL
)
ORDER BY job_number;

-- name: retire
UPDATE projects SET retired_at_ms = :now_ms, name = name || char(10) || project_number
WHERE project_number = :project_number;

-- name: purge
DELETE FROM projects
WHERE retired_at_ms IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.project_number = projects.project_number);
