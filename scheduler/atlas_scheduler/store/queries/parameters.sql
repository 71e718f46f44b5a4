-- name: submit
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms)
SELECT job_number, :name, :value, :rank, :at_ms FROM jobs WHERE job_id = :job_id;

-- name: submit_array
INSERT INTO parameters (job_number, name, value, rank, logged_at_ms)
SELECT job_number, :name, :value, :rank, :at_ms FROM jobs WHERE array_number = :array_number;
