-- name: queued
SELECT count(*) AS queued FROM jobs WHERE user = :user AND state = 'queued';

-- name: stored
-- What jobs have in common counts once; deleted ones count until their files are gone.
SELECT coalesce(sum(bundle_size_bytes), 0) AS stored_bytes
FROM (
    SELECT DISTINCT bundle, bundle_size_bytes FROM jobs
    WHERE user = :user AND bundle <> :bundle AND local_run IS NULL
);
