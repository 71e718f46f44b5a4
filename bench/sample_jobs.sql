-- name: project
INSERT INTO projects (project_number, name, created_at_ms) VALUES (?, ?, ?);

-- name: job
INSERT INTO jobs (
    job_number, job_id, project_number, state, queue_order, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    engine, archived, records_offset, bundle, bundle_size_bytes, spec
) VALUES (
    :job_number, :job_id, :project_number, :state, :job_number, 1, '[]',
    :submitted_at_ms, :started_at_ms, :finished_at_ms, :exit_code, :reason,
    'docker', 1, 0, :bundle, :bundle_size_bytes, :spec
);

-- name: event
INSERT INTO job_events (job_id, project, event, state, at_ms, detail)
VALUES (?, ?, ?, ?, ?, '{}');

-- name: parameter
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms) VALUES (?, ?, ?, ?, ?);

-- name: tag
INSERT INTO tags (job_number, name, value) VALUES (?, ?, ?);

-- name: note
INSERT INTO notes (job_number, author, text, written_at_ms) VALUES (?, ?, ?, ?);

-- name: artifact
INSERT INTO artifacts (job_number, key, path, size_bytes, saved_at_ms) VALUES (?, ?, ?, ?, ?);

-- name: series
INSERT INTO metric_series (
    series_number, job_number, name, points,
    last_value, last_step, min_value, min_step, max_value, max_step
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: point
INSERT INTO metrics (series_number, position, step, value, logged_at_ms) VALUES (?, ?, ?, ?, ?);
