-- Schema version 14: tokens, by which the server knows who asks over a network.

-- Of a token itself only the SHA-256 is kept. A token that replaces another one names it.
CREATE TABLE tokens (
    token_number INTEGER PRIMARY KEY,
    token_id TEXT NOT NULL UNIQUE CHECK (length(token_id) = 8),
    name TEXT NOT NULL CHECK (name <> ''),
    user TEXT NOT NULL CHECK (user <> ''),
    role TEXT NOT NULL CHECK (role IN ('read', 'submit', 'admin')),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    limits TEXT NOT NULL DEFAULT '{}' CHECK (json_type(limits) = 'object'),
    created_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    revoked_by TEXT,
    revoked_at_ms INTEGER CHECK ((revoked_at_ms IS NULL) = (revoked_by IS NULL)),
    last_used_at_ms INTEGER,
    last_used_from TEXT,
    rotated_from TEXT
) STRICT;

-- How many jobs of a user wait.
CREATE INDEX jobs_queued_by_user ON jobs (user) WHERE state = 'queued';

PRAGMA user_version = 14;
