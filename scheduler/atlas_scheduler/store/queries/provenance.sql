-- name: save_origin
INSERT INTO provenance (job_number, origin)
SELECT job_number, :origin FROM jobs WHERE job_id = :job_id;

-- name: save_diff
INSERT INTO submitted_diffs (job_number, diff)
SELECT job_number, :diff FROM jobs WHERE job_id = :job_id;

-- name: save_execution
-- What is known of an attempt stays: an engine that was upgraded meanwhile did not start it.
INSERT INTO provenance (job_number, execution)
SELECT job_number, :execution FROM jobs WHERE job_id = :job_id
ON CONFLICT (job_number) DO UPDATE SET execution = excluded.execution
WHERE json_extract(provenance.execution, '$.attempt')
    IS NOT json_extract(excluded.execution, '$.attempt');

-- name: save_environment
INSERT INTO provenance (job_number, environment) VALUES (:job_number, :environment)
ON CONFLICT (job_number) DO UPDATE SET environment = excluded.environment;

-- name: load
SELECT origin, execution, environment
FROM jobs CROSS JOIN provenance USING (job_number)
WHERE jobs.job_id = :job_id;

-- name: diff
-- That of an array is kept once for all of its jobs.
SELECT coalesce(submitted_diffs.diff, arrays.diff) AS diff FROM jobs
LEFT JOIN submitted_diffs USING (job_number)
LEFT JOIN arrays USING (array_number)
WHERE jobs.job_id = :job_id;

-- name: submitted_as
-- The job that another repeats, if both have the same files.
SELECT job_id FROM jobs
WHERE job_id = :job_id AND bundle = :bundle AND deleted_at_ms IS NULL;
