-- name: holders
SELECT job_number, job_id, projects.name AS project, bundle, archived
FROM jobs CROSS JOIN projects USING (project_number)
WHERE deleted_at_ms IS NULL AND job_number > :after
ORDER BY job_number LIMIT :limit;
