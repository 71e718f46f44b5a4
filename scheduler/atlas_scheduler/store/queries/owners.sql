-- name: of_jobs
SELECT job_id, user FROM jobs WHERE job_id IN (SELECT value FROM json_each(:job_ids));

-- name: of_array
SELECT DISTINCT user FROM jobs WHERE array_number = :array_number;

-- name: of_project
-- Deleted jobs count as well: they can come back.
SELECT user FROM jobs WHERE project_number = :project_number
UNION
SELECT created_by FROM schedules WHERE project_number = :project_number;

-- name: of_deleted_projects
SELECT DISTINCT user FROM jobs JOIN projects USING (project_number)
WHERE name = :name || char(10) || project_number AND retired_at_ms IS NOT NULL;

-- name: projects_of
SELECT DISTINCT name FROM projects JOIN jobs USING (project_number)
WHERE user = :user AND retired_at_ms IS NULL;
