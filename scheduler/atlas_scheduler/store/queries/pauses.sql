-- name: list
SELECT projects.name AS project, paused_by, paused_at_ms
FROM queue_pauses LEFT JOIN projects USING (project_number)
WHERE projects.retired_at_ms IS NULL
ORDER BY pause_number;

-- name: add
-- A pause that is there already stays as it is.
INSERT INTO queue_pauses (project_number, paused_by, paused_at_ms)
VALUES (:project_number, :by, :at_ms)
ON CONFLICT DO NOTHING;

-- name: remove
DELETE FROM queue_pauses WHERE project_number IS :project_number;
