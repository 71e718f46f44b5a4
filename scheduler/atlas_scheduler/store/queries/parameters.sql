-- name: submit
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms)
SELECT job_number, :name, :value, :rank, :at_ms FROM jobs WHERE job_id = :job_id;

-- name: submit_array
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms)
SELECT job_number, :name, :value, :rank, :at_ms FROM jobs WHERE array_number = :array_number;

-- name: unrecorded
SELECT job_number FROM jobs
WHERE
    state = 'queued' AND job_number > :after
    AND NOT EXISTS (SELECT 1 FROM parameters WHERE parameters.job_number = jobs.job_number)
    AND json_extract(spec, '$.params') <> '{}'
ORDER BY job_number LIMIT :most;

-- name: submission
SELECT
    job_id, submitted_at_ms, json_extract(spec, '$.params') AS params,
    (SELECT size FROM arrays WHERE arrays.array_number = jobs.array_number) AS array_size
FROM jobs
WHERE
    job_number = :job_number AND state = 'queued'
    AND NOT EXISTS (SELECT 1 FROM parameters WHERE parameters.job_number = jobs.job_number);
