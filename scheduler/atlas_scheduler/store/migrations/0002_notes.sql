-- Schema version 2: notes.

-- What people wrote about a job, in Markdown. Notes are added and never changed.
CREATE TABLE notes (
    note_number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    author TEXT NOT NULL,
    text TEXT NOT NULL CHECK (text <> ''),
    written_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX notes_of_job ON notes (job_number, note_number);

PRAGMA user_version = 2;
