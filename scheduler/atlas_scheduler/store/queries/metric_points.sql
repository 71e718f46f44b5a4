-- name: find
SELECT series_number, points FROM jobs CROSS JOIN metric_series USING (job_number)
WHERE jobs.job_id = :job_id AND metric_series.name = :name;

-- name: page
SELECT position, step, value, logged_at_ms FROM metrics
WHERE series_number = :series_number AND position >= :start
ORDER BY position LIMIT :limit;

-- name: lowest
-- With min() and max() the other columns are those of the row that has it. NULL (NaN) is not
-- counted and no minimum; text is above every number.
SELECT position, min(value) AS value, count(value) AS counted FROM metrics
WHERE series_number = :series_number AND position >= :start AND position < :end;

-- name: highest
SELECT position, max(value) AS value FROM metrics
WHERE series_number = :series_number AND position >= :start AND position < :end;

-- name: values
SELECT value FROM metrics
WHERE series_number = :series_number AND position >= :start AND position < :end
ORDER BY position;

-- name: chosen
SELECT position, step, metrics.value, logged_at_ms FROM json_each(:positions) AS wanted
CROSS JOIN metrics ON metrics.series_number = :series_number AND metrics.position = wanted.value
ORDER BY wanted.key;
