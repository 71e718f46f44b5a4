"""Actions on the chosen jobs."""

from __future__ import annotations

from atlas_tui.actions import Action, Danger, Scope
from atlas_tui.actions_by.chosen import GOES_ON, HAS_ENDED, LISTS, RUNS, WITH_JOBS

_J, _Q = Scope.JOBS, Scope.QUEUE

ROWS: tuple[Action, ...] = (
    Action(
        *("stop", "Stop", "x", _J, "Ask the jobs to end."),
        danger=Danger.ENDS,
        cli="foundations stop job {scheduler} {ids}",
        sdk="stop_jobs",
        screens=WITH_JOBS,
        in_bar=True,
        check=GOES_ON,
    ),
    Action(
        *(
            "delete",
            "Delete",
            "d",
            _J,
            "Delete jobs that have ended; for ten seconds it can be undone.",
        ),
        danger=Danger.ENDS,
        cli="foundations delete job {scheduler} {ids}",
        sdk="delete",
        screens=WITH_JOBS,
        in_bar=True,
        check=HAS_ENDED,
    ),
    Action(
        *(
            "undo",
            "Undo delete",
            "u",
            _Q,
            "Bring back what was deleted in the last ten seconds.",
        ),
        danger=Danger.CHANGES,
        cli="foundations restore job {scheduler} {ids}",
        sdk="restore",
    ),
    Action(
        *(
            "rerun",
            "Rerun",
            "R",
            _J,
            "Submit the jobs again with the same bundle and parameters.",
        ),
        danger=Danger.CHANGES,
        cli="foundations rerun job {scheduler} {ids}",
        sdk="rerun",
        screens=WITH_JOBS,
        in_bar=True,
    ),
    Action(
        *("shell", "Shell", "dollar_sign", _J, "Open a shell where the job runs."),
        danger=Danger.CHANGES,
        cli="foundations shell job {scheduler} {ids}",
        sdk="start_exec",
        screens=WITH_JOBS,
        check=RUNS,
    ),
    Action(
        *("open_notebook", "Open notebook", "", _J, "Forward a port to the job's JupyterLab."),
        danger=Danger.CHANGES,
        cli="foundations notebook {scheduler} --job {ids}",
        sdk="open_tunnel",
        screens=WITH_JOBS,
        check=RUNS,
    ),
    Action(
        *(
            "clone",
            "Clone and edit",
            "e",
            _J,
            "Submit a job again after changing what you like.",
        ),
        danger=Danger.CHANGES,
        cli="foundations rerun job {scheduler} {ids} -p NAME=VALUE",
        sdk="rerun",
        screens=WITH_JOBS,
    ),
    Action(
        *("tag", "Tag", "t", _J, "Give the jobs a tag: NAME or NAME=VALUE."),
        danger=Danger.CHANGES,
        cli="foundations tag job {scheduler} {id_list} NAME=VALUE",
        sdk="tag",
        screens=(*LISTS, "job", "compare"),
    ),
    Action(
        *("untag", "Untag", "U", _J, "Take a tag from the jobs."),
        danger=Danger.CHANGES,
        cli="foundations untag job {scheduler} {id_list} NAME",
        sdk="untag",
        screens=(*LISTS, "job", "compare"),
    ),
    Action(
        *("note", "Note", "a", _J, "Write a note, in Markdown, about the job."),
        danger=Danger.CHANGES,
        cli="foundations note job {scheduler} {ids} TEXT",
        sdk="note",
        screens=(*LISTS, "job"),
        in_bar=True,
        tabs=("notes",),
    ),
    Action(
        *("archive", "Get archive", "W", _J, "Save the job's archive into a directory."),
        cli="foundations get job {scheduler} {ids}",
        sdk="archive",
        screens=(*LISTS, "job"),
    ),
    Action(
        *("artifact", "Save artifact", "A", _J, "Save an artifact of the job to a path."),
        cli="foundations get artifact {scheduler} {ids} KEY",
        sdk="artifact",
        screens=("job",),
        in_bar=True,
        tabs=("artifacts",),
    ),
    Action(
        *("file", "Save file", "w", _J, "Save a file of the job to a path."),
        cli="foundations get file {scheduler} {ids} PATH",
        sdk="file",
        screens=("job",),
        in_bar=True,
        tabs=("files",),
    ),
    Action(
        *(
            "source_diff",
            "Diff source",
            "v",
            _J,
            "Compare the source with that of another job.",
        ),
        cli="foundations diff jobs {scheduler} {ids} OTHER_ID --source",
        sdk="source_diff",
        screens=("job",),
        in_bar=True,
        tabs=("files",),
    ),
    Action("copy_id", "Copy id", "y", _J, "Copy the job's id, also through SSH.", screens=LISTS),
    Action(
        *(
            "copy_command",
            "Copy command",
            "c",
            _J,
            "Copy the command that submits the job again.",
        ),
        screens=(*LISTS, "job", "compare"),
    ),
    Action(
        *(
            "copy_report",
            "Copy report",
            "Y",
            _J,
            "Copy how the job ended and the end of its log.",
        ),
        screens=WITH_JOBS,
    ),
)
