-- Schema version 7: where the extremes of a metric are, and jobs in more orders.

-- Steps of the first points that have them; NULL where such a point has no step.
ALTER TABLE metric_series ADD COLUMN min_step REAL;
ALTER TABLE metric_series ADD COLUMN max_step REAL;
UPDATE metric_series SET
    min_step = (
        SELECT step FROM metrics
        WHERE metrics.series_number = metric_series.series_number AND value = min_value
        ORDER BY position LIMIT 1
    ),
    max_step = (
        SELECT step FROM metrics
        WHERE metrics.series_number = metric_series.series_number AND value = max_value
        ORDER BY position LIMIT 1
    );

-- Who submitted it, and how long it ran until its end: out of other columns, for the indexes.
ALTER TABLE jobs ADD COLUMN user TEXT
    GENERATED ALWAYS AS (json_extract(spec, '$.user')) VIRTUAL;
ALTER TABLE jobs ADD COLUMN ran_seconds REAL
    GENERATED ALWAYS AS (max(0, finished_at_ms - started_at_ms) / 1000.0) VIRTUAL;
-- Which job it repeats.
ALTER TABLE jobs ADD COLUMN rerun_of TEXT
    GENERATED ALWAYS AS (json_extract(spec, '$.rerun_of')) VIRTUAL;
CREATE INDEX jobs_by_original ON jobs (rerun_of, deleted_at_ms)
    WHERE rerun_of IS NOT NULL AND deleted_at_ms IS NULL;

-- Lists in the order of a field. Where many jobs have one value there are two indexes, because the
-- newest of them come first in both directions.
CREATE INDEX jobs_by_user ON jobs (user, job_number, deleted_at_ms) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_user_newest_first ON jobs (user, job_number DESC, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_state_newest_first ON jobs (state, job_number DESC, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_submission ON jobs (submitted_at_ms, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_start ON jobs (started_at_ms, deleted_at_ms) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at_ms, deleted_at_ms) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_duration ON jobs (ran_seconds, deleted_at_ms) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_under_way ON jobs (started_at_ms)
    WHERE finished_at_ms IS NULL AND started_at_ms IS NOT NULL;
CREATE INDEX parameters_by_value_newest_first ON parameters (name, rank, job_number DESC);
CREATE INDEX metric_series_by_min ON metric_series (name, min_value);
CREATE INDEX metric_series_by_max ON metric_series (name, max_value);

-- What jobs are ordered by, as for parameters.
ALTER TABLE tags ADD COLUMN rank TEXT GENERATED ALWAYS AS (substr(value, 1, 200)) VIRTUAL;
CREATE INDEX tags_by_rank ON tags (name, rank);
CREATE INDEX tags_by_rank_newest_first ON tags (name, rank, job_number DESC);

PRAGMA user_version = 7;
