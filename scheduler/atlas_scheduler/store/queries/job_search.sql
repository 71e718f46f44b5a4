-- name: by_number
-- CROSS JOIN keeps the order of the tables: the few numbers first, in their order.
SELECT stored_jobs.*
FROM json_each(:numbers) AS wanted
CROSS JOIN stored_jobs ON stored_jobs.job_number = wanted.value
ORDER BY wanted.key;


-- name: numbers_in_state
SELECT found.job_number FROM jobs AS found WHERE found.deleted_at_ms IS NULL AND found.state

-- name: numbers_of_project
SELECT found.job_number FROM projects CROSS JOIN jobs AS found USING (project_number)
WHERE found.deleted_at_ms IS NULL AND projects.name

-- name: numbers_of_user
SELECT found.job_number FROM jobs AS found WHERE found.deleted_at_ms IS NULL AND found.user

-- name: numbers_by_submission
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_submission
WHERE found.deleted_at_ms IS NULL AND found.submitted_at_ms

-- name: numbers_by_start
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_start
WHERE found.deleted_at_ms IS NULL AND found.started_at_ms

-- name: numbers_by_end
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_end
WHERE found.deleted_at_ms IS NULL AND found.finished_at_ms

-- name: numbers_with_notes
SELECT DISTINCT found.job_number FROM notes AS found

-- name: numbers_of_reruns
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_original
WHERE found.deleted_at_ms IS NULL AND found.rerun_of IS NOT NULL

-- name: numbers_at_commit
SELECT found.job_number FROM provenance AS found CROSS JOIN jobs USING (job_number)
WHERE jobs.deleted_at_ms IS NULL AND found.git_commit

-- name: numbers_of_arrays
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_array
WHERE found.array_number IS NOT NULL

-- name: numbers_of_array
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_array
WHERE found.array_number = (SELECT array_number FROM arrays WHERE array_id = ?)

-- name: numbers_of_arrays_like
SELECT found.job_number FROM arrays CROSS JOIN jobs AS found USING (array_number)
WHERE instr(arrays.array_id, lower(?)) > 0

-- name: numbers_of_dependents
SELECT DISTINCT found.job_number FROM dependencies AS found

-- name: numbers_with_key
SELECT found.job_number FROM jobs AS found
WHERE found.deleted_at_ms IS NULL AND found.unique_key

-- name: numbers_of_scheduled
SELECT found.job_number FROM jobs AS found INDEXED BY jobs_by_schedule
WHERE found.schedule_id IS NOT NULL
