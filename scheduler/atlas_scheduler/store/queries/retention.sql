-- name: rules
SELECT name, retention FROM projects WHERE retired_at_ms IS NULL ORDER BY name;

-- name: set_rule
UPDATE projects SET retention = :rule WHERE project_number = :project_number;

-- name: ended
SELECT
    job_id, finished_at_ms,
    archived = 0
        OR EXISTS (SELECT 1 FROM notes WHERE notes.job_number = jobs.job_number)
        OR EXISTS (
            SELECT 1 FROM tags WHERE tags.job_number = jobs.job_number
                AND tags.name IN (SELECT value FROM json_each(:keep_tags))
        ) AS is_protected
FROM jobs
WHERE project_number = (SELECT project_number FROM projects WHERE name = :project)
    AND finished_at_ms IS NOT NULL AND deleted_at_ms IS NULL;

-- name: unprotected
-- Those of some ended jobs that nothing keeps but the rule of their project.
SELECT job_id FROM jobs
WHERE job_id IN (SELECT value FROM json_each(:job_ids))
    AND finished_at_ms IS NOT NULL AND deleted_at_ms IS NULL AND archived = 1
    AND NOT EXISTS (SELECT 1 FROM notes WHERE notes.job_number = jobs.job_number)
    AND NOT EXISTS (
        SELECT 1 FROM tags WHERE tags.job_number = jobs.job_number
            AND tags.name IN (SELECT value FROM json_each(:keep_tags))
    );

-- name: bundles_of_these_alone
SELECT DISTINCT bundle FROM jobs
WHERE job_id IN (SELECT value FROM json_each(:job_ids)) AND bundle <> 'sha256:none'
    AND NOT EXISTS (
        SELECT 1 FROM jobs AS other
        WHERE other.bundle = jobs.bundle AND other.deleted_at_ms IS NULL
            AND other.job_id NOT IN (SELECT value FROM json_each(:job_ids))
    )
    AND NOT EXISTS (SELECT 1 FROM schedules WHERE schedules.bundle = jobs.bundle);

-- name: is_kept
-- Whether a job's archive is complete: then nothing in its work dir is needed.
SELECT 1 FROM jobs WHERE job_id = :job_id AND archived = 1 AND finished_at_ms <= :ended_until_ms;
