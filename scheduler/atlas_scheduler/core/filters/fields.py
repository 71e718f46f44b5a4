"""The fields that every job has, and what can be asked of each."""

from __future__ import annotations

from enum import Enum, StrEnum, auto


class Kind(Enum):
    """What the values of a field are."""

    STATE = auto()
    """One of the words of the lifecycle."""
    NAME = auto()
    """A text that `:` compares as a whole."""
    TEXT = auto()
    """A text that `:` looks into."""
    NUMBER = auto()
    DURATION = auto()
    """Seconds; a unit may be given."""
    MOMENT = auto()
    NOTES = auto()
    """Any number of texts, which can only be looked into."""
    TRUTH = auto()


class BuiltIn(StrEnum):
    """A field that every job has; its value may be missing."""

    ID = "id"
    PROJECT = "project"
    USER = "user"
    STATE = "state"
    REASON = "reason"
    NOTE = "note"
    RERUN_OF = "rerun_of"
    AFTER = "after"
    UNIQUE = "unique"
    SCHEDULE = "schedule"
    ARRAY = "array"
    ARRAY_INDEX = "array_index"
    COMMAND = "command"
    IMAGE = "image"
    ENGINE = "engine"
    IMAGE_ID = "image_id"
    HOST = "host"
    PYTHON = "python"
    COMMIT = "git.commit"
    BRANCH = "git.branch"
    DIRTY = "git.dirty"
    EXIT_CODE = "exit_code"
    ATTEMPT = "attempt"
    PRIORITY = "priority"
    TURN = "turn"
    PLACE = "place"
    HELD_BY = "held_by"
    GPUS = "gpus"
    CPUS = "cpus"
    RAM = "ram"
    SUBMITTED = "submitted"
    STARTED = "started"
    FINISHED = "finished"
    DURATION = "duration"

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return _KINDS[self]


_KINDS = {
    BuiltIn.ID: Kind.TEXT,
    BuiltIn.PROJECT: Kind.NAME,
    BuiltIn.USER: Kind.NAME,
    BuiltIn.STATE: Kind.STATE,
    BuiltIn.REASON: Kind.TEXT,
    BuiltIn.NOTE: Kind.NOTES,
    BuiltIn.RERUN_OF: Kind.TEXT,
    BuiltIn.AFTER: Kind.TEXT,
    BuiltIn.UNIQUE: Kind.NAME,
    BuiltIn.SCHEDULE: Kind.TEXT,
    BuiltIn.ARRAY: Kind.TEXT,
    BuiltIn.ARRAY_INDEX: Kind.NUMBER,
    BuiltIn.COMMAND: Kind.TEXT,
    BuiltIn.IMAGE: Kind.TEXT,
    BuiltIn.ENGINE: Kind.NAME,
    BuiltIn.IMAGE_ID: Kind.TEXT,
    BuiltIn.HOST: Kind.NAME,
    BuiltIn.PYTHON: Kind.TEXT,
    BuiltIn.COMMIT: Kind.TEXT,
    BuiltIn.BRANCH: Kind.NAME,
    BuiltIn.DIRTY: Kind.TRUTH,
    BuiltIn.EXIT_CODE: Kind.NUMBER,
    BuiltIn.ATTEMPT: Kind.NUMBER,
    BuiltIn.PRIORITY: Kind.NUMBER,
    BuiltIn.TURN: Kind.NUMBER,
    BuiltIn.PLACE: Kind.NUMBER,
    BuiltIn.HELD_BY: Kind.NAME,
    BuiltIn.GPUS: Kind.NUMBER,
    BuiltIn.CPUS: Kind.NUMBER,
    BuiltIn.RAM: Kind.NUMBER,
    BuiltIn.SUBMITTED: Kind.MOMENT,
    BuiltIn.STARTED: Kind.MOMENT,
    BuiltIn.FINISHED: Kind.MOMENT,
    BuiltIn.DURATION: Kind.DURATION,
}

BY_NAME: dict[str, BuiltIn] = {
    **{field.value: field for field in BuiltIn},
    "status": BuiltIn.STATE,
    "job_id": BuiltIn.ID,
    "position": BuiltIn.PLACE,
    "unique_key": BuiltIn.UNIQUE,
    "schedule_id": BuiltIn.SCHEDULE,
    "notes": BuiltIn.NOTE,
    "num_gpus": BuiltIn.GPUS,
    "ram_gb": BuiltIn.RAM,
    "submitted_at": BuiltIn.SUBMITTED,
    "started_at": BuiltIn.STARTED,
    "finished_at": BuiltIn.FINISHED,
    "duration_seconds": BuiltIn.DURATION,
}
"""Every name that a filter may use for a field; those of the API's answers work too."""
