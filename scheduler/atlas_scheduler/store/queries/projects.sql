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

-- name: find_retired
-- The newest of that name. Its jobs were marked deleted at the same time.
SELECT project_number, retired_at_ms FROM projects
WHERE name = :name || char(10) || project_number AND retired_at_ms > :retired_after_ms
    AND NOT EXISTS (
        SELECT 1 FROM jobs WHERE jobs.project_number = projects.project_number
            AND deleted_at_ms = retired_at_ms AND sweep_began_at_ms IS NOT NULL
    )
ORDER BY retired_at_ms DESC, project_number DESC LIMIT 1;

-- name: jobs_retired
SELECT * FROM core_jobs
WHERE job_number IN (
    SELECT job_number FROM jobs
    WHERE project_number = :project_number AND deleted_at_ms = :retired_at_ms
)
ORDER BY job_number;

-- name: restore
UPDATE projects SET retired_at_ms = NULL, name = :name WHERE project_number = :project_number;

-- name: oldest_retirement
-- Of those that no job is left of: the others go with their last job.
SELECT min(retired_at_ms) AS retired_at_ms FROM projects
WHERE retired_at_ms IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.project_number = projects.project_number);

-- name: purge
DELETE FROM projects
WHERE retired_at_ms <= :retired_until_ms
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.project_number = projects.project_number);
