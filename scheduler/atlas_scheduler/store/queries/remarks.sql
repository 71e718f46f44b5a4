-- name: set_tag
-- Touches no row when the tag is there with this value already.
INSERT INTO tags (job_number, name, value)
SELECT job_number, :name, :value FROM jobs WHERE job_id = :job_id
ON CONFLICT (job_number, name) DO UPDATE SET value = excluded.value
WHERE tags.value <> excluded.value;

-- name: remove_tag
DELETE FROM tags
WHERE job_number = (SELECT job_number FROM jobs WHERE job_id = :job_id) AND name = :name;

-- name: tag_names
SELECT tags.name FROM jobs CROSS JOIN tags USING (job_number)
WHERE jobs.job_id = :job_id ORDER BY tags.name;

-- name: add_note
INSERT INTO notes (job_number, author, text, written_at_ms)
SELECT job_number, :author, :text, :at_ms FROM jobs WHERE job_id = :job_id
RETURNING note_number;

-- name: notes
SELECT note_number, author, text, written_at_ms
FROM jobs CROSS JOIN notes USING (job_number)
WHERE jobs.job_id = :job_id ORDER BY note_number;
