-- name: append_change
-- What fails undoes the whole write, so that this need not be undone by itself, which is slow.
INSERT OR FAIL INTO job_events (job_id, project, event, state, at_ms, detail)
VALUES (:job_id, :project, :event, :state, :at_ms, :detail);

-- name: append_many
INSERT INTO job_events (job_id, project, event, state, at_ms, detail)
VALUES (:job_id, :project, :event, :state, :at_ms, :detail);

-- name: changes_since
SELECT seq, job_id, project, event, state, at_ms, detail FROM job_events
WHERE seq > :seq AND (job_id IS NOT NULL OR :with_queue) ORDER BY seq LIMIT :limit;

-- name: changes_of_job_since
SELECT seq, job_id, project, event, state, at_ms, detail FROM job_events
WHERE job_id = :job_id AND seq > :seq ORDER BY seq LIMIT :limit;

-- name: last_seq
SELECT coalesce(max(seq), 0) AS seq FROM job_events;
