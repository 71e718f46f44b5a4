-- Schema version 1.
--
-- Times are milliseconds since 1970 UTC (`*_at_ms`), sizes are bytes, JSON is text. The CHECKs
-- repeat the lifecycle's invariants, so that no defect above the database can store a job that
-- contradicts itself.

-- Says that the file is a database of Atlas ("ATLS").
PRAGMA application_id = 1096043603;

-- Which scheduler this is: one row, made once. Its id is in the name of every container.
CREATE TABLE instance (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    instance_id TEXT NOT NULL CHECK (length(instance_id) = 8)
) STRICT;

-- What can be changed at run time: one row a setting.
CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
) STRICT, WITHOUT ROWID;

-- A name that jobs are grouped by. Jobs point to the number, so that a rename is one row.
CREATE TABLE projects (
    project_number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    created_at_ms INTEGER NOT NULL
) STRICT;

-- A job: what scheduling decides on, where its files stand, and what was submitted.
-- `job_number` is the order of submission: lists are paged by it, and what a job recorded points
-- to it. A number is never given twice.
CREATE TABLE jobs (
    job_number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE CHECK (length(job_id) = 36),
    project_number INTEGER NOT NULL REFERENCES projects,
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'starting', 'running', 'stopping',
        'completed', 'failed', 'stopped', 'lost', 'pruned'
    )),
    queue_order INTEGER NOT NULL,
    num_gpus INTEGER NOT NULL CHECK (num_gpus >= 0),
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    gpus TEXT NOT NULL CHECK (json_type(gpus) = 'array'),
    submitted_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    finished_at_ms INTEGER,
    exit_code INTEGER,
    reason TEXT,
    engine TEXT,
    archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
    records_offset INTEGER NOT NULL CHECK (records_offset >= 0),
    idempotency_key TEXT CHECK (idempotency_key <> ''),
    deleted_at_ms INTEGER,
    bundle TEXT NOT NULL CHECK (bundle GLOB 'sha256:*'),
    bundle_size_bytes INTEGER NOT NULL CHECK (bundle_size_bytes >= 0),
    spec TEXT NOT NULL CHECK (json_type(spec) = 'object'),

    CONSTRAINT final_jobs_and_no_others_are_finished CHECK (
        (state IN ('completed', 'failed', 'stopped', 'lost', 'pruned'))
        = (finished_at_ms IS NOT NULL)
    ),
    CONSTRAINT queued_jobs_hold_no_gpus CHECK (state <> 'queued' OR gpus = '[]'),
    CONSTRAINT jobs_that_hold_a_slot_have_an_attempt CHECK (
        state NOT IN ('starting', 'running', 'stopping') OR attempt > 0
    ),
    CONSTRAINT running_jobs_have_a_start CHECK (
        state <> 'running' OR started_at_ms IS NOT NULL
    ),
    CONSTRAINT exit_codes_belong_to_jobs_that_exited CHECK (
        exit_code IS NULL OR state IN ('completed', 'failed', 'stopped', 'pruned')
    ),
    CONSTRAINT completed_jobs_exited_with_zero CHECK (
        state <> 'completed' OR exit_code IS 0
    ),
    CONSTRAINT only_final_jobs_are_archived_or_deleted CHECK (
        finished_at_ms IS NOT NULL OR (archived = 0 AND deleted_at_ms IS NULL)
    )
) STRICT;

-- The queue in its order, and the jobs that occupy slots: asked at every scheduling step.
CREATE INDEX jobs_queued ON jobs (queue_order) WHERE state = 'queued';
CREATE INDEX jobs_holding ON jobs (job_number) WHERE state IN ('starting', 'running', 'stopping');
-- Work that a restart takes up again.
CREATE INDEX jobs_unarchived ON jobs (finished_at_ms)
    WHERE finished_at_ms IS NOT NULL AND archived = 0 AND deleted_at_ms IS NULL;
CREATE INDEX jobs_deleted ON jobs (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;
-- A retried submission finds the job of the first.
CREATE UNIQUE INDEX jobs_by_idempotency_key ON jobs (idempotency_key)
    WHERE idempotency_key IS NOT NULL AND deleted_at_ms IS NULL;
CREATE INDEX jobs_by_bundle ON jobs (bundle) WHERE deleted_at_ms IS NULL;
-- Lists, newest first, narrowed by state, by project or by both. Counts come from the first and
-- the last; they hold the column of their condition because SQLite would look it up in the table.
CREATE INDEX jobs_by_state ON jobs (state, job_number, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_project ON jobs (project_number, job_number) WHERE deleted_at_ms IS NULL;
CREATE INDEX jobs_by_project_and_state ON jobs (project_number, state, job_number, deleted_at_ms)
    WHERE deleted_at_ms IS NULL;

-- A job as the core's rules see it.
CREATE VIEW core_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number
FROM jobs JOIN projects USING (project_number);

-- A job with everything that is stored of it.
CREATE VIEW stored_jobs AS
SELECT
    job_id, projects.name AS project, state, queue_order, num_gpus, attempt, gpus,
    submitted_at_ms, started_at_ms, finished_at_ms, exit_code, reason,
    archived, deleted_at_ms, jobs.job_number,
    engine, records_offset, idempotency_key, bundle, bundle_size_bytes, spec, project_number
FROM jobs JOIN projects USING (project_number);

-- Everything that ever happened to a job, in order: history, change feed and audit. Rows outlive
-- their job and are never changed, hence no reference to it; the project is the name at that time.
CREATE TABLE job_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    project TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event <> ''),
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'starting', 'running', 'stopping',
        'completed', 'failed', 'stopped', 'lost', 'pruned'
    )),
    at_ms INTEGER NOT NULL,
    detail TEXT NOT NULL CHECK (json_type(detail) = 'object')
) STRICT;
CREATE INDEX job_events_of_job ON job_events (job_id, seq);

-- A parameter that a job logged. `value` is exact. `rank` is its place in an order: the number
-- itself (false 0, true 1), the first 200 characters of a string, NULL for anything else.
CREATE TABLE parameters (
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL CHECK (json_valid(value)),
    rank ANY,
    logged_at_ms INTEGER NOT NULL,
    PRIMARY KEY (job_number, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX parameters_by_value ON parameters (name, rank);

-- A tag of a job: given at submission, set by the job or set by hand.
CREATE TABLE tags (
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (job_number, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_value ON tags (name, value);

-- One metric of one job in a row, kept up to date with its points: lists and filters read only
-- this. `last_value` is coded as in `metrics`; extremes are those of the finite numbers.
CREATE TABLE metric_series (
    series_number INTEGER PRIMARY KEY,
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name TEXT NOT NULL,
    points INTEGER NOT NULL CHECK (points >= 0),
    last_value ANY,
    last_step REAL,
    min_value REAL,
    max_value REAL,
    UNIQUE (job_number, name)
) STRICT;
CREATE INDEX metric_series_by_value ON metric_series (name, last_value);

-- Points of a series in the order they were logged; any step order, repeats kept.
-- `value` is a number as it is (infinities too: they sort at the ends), NULL for NaN (which SQLite
-- cannot hold as a number; it sorts first), or JSON text for a string, boolean or list (they sort
-- last).
CREATE TABLE metrics (
    series_number INTEGER NOT NULL REFERENCES metric_series ON DELETE CASCADE,
    position INTEGER NOT NULL,
    step REAL,
    value ANY,
    logged_at_ms INTEGER NOT NULL,
    PRIMARY KEY (series_number, position)
) STRICT, WITHOUT ROWID;

-- A file that a job saved; `path` is relative to the archive's `artifacts/`. A key saved again
-- replaces the row.
CREATE TABLE artifacts (
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    key TEXT NOT NULL,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    saved_at_ms INTEGER NOT NULL,
    PRIMARY KEY (job_number, key)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
