-- name: page
SELECT * FROM stored_jobs
WHERE deleted_at_ms IS NULL AND job_number < :before
ORDER BY job_number DESC LIMIT :limit;

-- name: page_of_project
SELECT * FROM stored_jobs
WHERE project_number = (SELECT project_number FROM projects WHERE name = :project)
    AND deleted_at_ms IS NULL AND job_number < :before
ORDER BY job_number DESC LIMIT :limit;

-- name: page_in_state
SELECT * FROM stored_jobs
WHERE state = :state AND deleted_at_ms IS NULL AND job_number < :before
ORDER BY job_number DESC LIMIT :limit;

-- name: page_of_project_in_state
SELECT * FROM stored_jobs
WHERE project_number = (SELECT project_number FROM projects WHERE name = :project)
    AND state = :state AND deleted_at_ms IS NULL AND job_number < :before
ORDER BY job_number DESC LIMIT :limit;

-- name: count_by_state
SELECT state, count(*) AS jobs FROM jobs WHERE deleted_at_ms IS NULL GROUP BY state;

-- name: projects
-- One row a project and state; a project without jobs has one row without a state.
SELECT
    projects.name, projects.created_at_ms, projects.description, counted.state, counted.jobs, newest.submitted_at_ms
FROM projects
LEFT JOIN (
    SELECT project_number, state, count(*) AS jobs, max(job_number) AS newest
    FROM jobs WHERE deleted_at_ms IS NULL GROUP BY project_number, state
) AS counted ON counted.project_number = projects.project_number
LEFT JOIN jobs AS newest ON newest.job_number = counted.newest
WHERE projects.retired_at_ms IS NULL
ORDER BY projects.name;
