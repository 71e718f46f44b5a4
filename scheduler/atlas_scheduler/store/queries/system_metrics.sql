-- name: running_job
SELECT job_number FROM jobs
WHERE job_id = :job_id AND finished_at_ms IS NULL AND deleted_at_ms IS NULL;

-- name: standing
SELECT points, max_value FROM jobs CROSS JOIN metric_series USING (job_number)
WHERE jobs.job_id = :job_id AND metric_series.name = :name;
