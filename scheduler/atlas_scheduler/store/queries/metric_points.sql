-- name: find
SELECT series_number, points FROM jobs CROSS JOIN metric_series USING (job_number)
WHERE jobs.job_id = :job_id AND metric_series.name = :name;

-- name: page
SELECT position, step, value, logged_at_ms FROM metrics
WHERE series_number = :series_number AND position >= :start
ORDER BY position LIMIT :limit;

-- name: values
-- Positions have no holes: the first value is that of position 0.
SELECT value FROM metrics WHERE series_number = :series_number ORDER BY position;

-- name: chosen
SELECT position, step, metrics.value, logged_at_ms FROM json_each(:positions) AS wanted
CROSS JOIN metrics ON metrics.series_number = :series_number AND metrics.position = wanted.value
ORDER BY wanted.key;
