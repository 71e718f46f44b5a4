-- name: advance_offset
-- Compare and set: records that were taken in already change nothing.
UPDATE jobs SET records_offset = :new_offset
WHERE job_id = :job_id AND records_offset = :offset
RETURNING job_number;

-- name: count_skipped
UPDATE jobs SET skipped_records = skipped_records + ? WHERE job_id = ?;

-- name: skipped
SELECT skipped_records FROM jobs WHERE job_id = ?;

-- name: save_parameter
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (job_number, name) DO UPDATE SET
    value = excluded.value, rank = excluded.rank, logged_at_ms = excluded.logged_at_ms;

-- name: save_tag
INSERT INTO tags (job_number, name, value) VALUES (?, ?, ?)
ON CONFLICT (job_number, name) DO UPDATE SET value = excluded.value;

-- name: save_artifact
INSERT INTO artifacts (job_number, key, path, size_bytes, saved_at_ms) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (job_number, key) DO UPDATE SET
    path = excluded.path, size_bytes = excluded.size_bytes, saved_at_ms = excluded.saved_at_ms;

-- name: open_series
-- The assignment changes nothing; it makes the row come back when it is there already.
INSERT INTO metric_series (job_number, name, points) VALUES (:job_number, :name, 0)
ON CONFLICT (job_number, name) DO UPDATE SET points = points
RETURNING series_number, points;

-- name: append_point
INSERT INTO metrics (series_number, position, step, value, logged_at_ms) VALUES (?, ?, ?, ?, ?);

-- name: extend_series
-- Of points with one value the first has its step kept. A series without a value has no order to
-- one yet: the comparison is NULL, and the step is taken.
UPDATE metric_series SET
    points = points + :added, last_value = :last_value, last_step = :last_step,
    min_step = iif(:min_value >= min_value OR :min_value IS NULL, min_step, :min_step),
    min_value = min(coalesce(min_value, :min_value), coalesce(:min_value, min_value)),
    max_step = iif(:max_value <= max_value OR :max_value IS NULL, max_step, :max_step),
    max_value = max(coalesce(max_value, :max_value), coalesce(:max_value, max_value))
WHERE series_number = :series_number;

-- name: parameters_of_jobs
-- CROSS JOIN keeps the order of the tables: the few ids first, then their rows by key.
SELECT jobs.job_id, parameters.name, parameters.value
FROM json_each(:job_ids) AS wanted
CROSS JOIN jobs ON jobs.job_id = wanted.value
CROSS JOIN parameters ON parameters.job_number = jobs.job_number
ORDER BY wanted.key, parameters.name;

-- name: tags_of_jobs
SELECT jobs.job_id, tags.name, tags.value
FROM json_each(:job_ids) AS wanted
CROSS JOIN jobs ON jobs.job_id = wanted.value
CROSS JOIN tags ON tags.job_number = jobs.job_number
ORDER BY wanted.key, tags.name;

-- name: metrics_of_jobs
SELECT jobs.job_id, metric_series.name, metric_series.last_value AS value
FROM json_each(:job_ids) AS wanted
CROSS JOIN jobs ON jobs.job_id = wanted.value
CROSS JOIN metric_series ON metric_series.job_number = jobs.job_number
WHERE metric_series.name NOT GLOB 'system/*'
ORDER BY wanted.key, metric_series.name;

-- name: series
SELECT metric_series.name, points,
    last_value, last_step, min_value, min_step, max_value, max_step
FROM jobs CROSS JOIN metric_series USING (job_number)
WHERE jobs.job_id = :job_id AND metric_series.name NOT GLOB 'system/*'
ORDER BY metric_series.name;

-- name: system_series
SELECT metric_series.name, points,
    last_value, last_step, min_value, min_step, max_value, max_step
FROM jobs CROSS JOIN metric_series USING (job_number)
WHERE jobs.job_id = :job_id AND metric_series.name GLOB 'system/*'
ORDER BY metric_series.name;

-- name: artifacts
SELECT artifacts.key, path, size_bytes, saved_at_ms
FROM jobs CROSS JOIN artifacts USING (job_number)
WHERE jobs.job_id = :job_id ORDER BY artifacts.key;
