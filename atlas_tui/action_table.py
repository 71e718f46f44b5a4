"""Everything that can be done in the app: one entry an action."""

from __future__ import annotations

from collections.abc import Iterable

from atlas_tui.actions import Action, Check, Danger, Scope, Selection
from foundations.job_states import FINAL_STATES, HOLDING_STATES, JobState


def _some(states: Iterable[JobState], what: str) -> Check:
    """Ask for at least one job in one of the states."""
    wanted = frozenset(states)

    def check(selection: Selection) -> str | None:
        if any(job.state in wanted for job in selection.jobs):
            return None
        return f"none of the chosen jobs {what}"

    return check


_WAITS = _some({JobState.QUEUED}, "waits")
_GOES_ON = _some({JobState.QUEUED, *HOLDING_STATES}, "waits or runs")
_HAS_ENDED = _some(FINAL_STATES, "has ended")
_RUNS = _some({JobState.RUNNING}, "runs")
_LISTS = ("dashboard", "jobs")
_WITH_JOBS = (*_LISTS, "job", "logs", "compare")
_WITH_LOG = ("logs",)
_S, _J, _Q, _L, _G = Scope.SCREEN, Scope.JOBS, Scope.QUEUE, Scope.LIST, Scope.LOG
_CHANGES, _ENDS = Danger.CHANGES, Danger.ENDS

ACTIONS: tuple[Action, ...] = (
    # -- screens
    Action("dashboard", "Dashboard", "1", _S, "Show the queue, what runs, and a live log."),
    Action("jobs", "Jobs", "2", _S, "Show every job there is."),
    Action("job", "Job", "3", _S, "Show all about one job."),
    Action("logs", "Logs", "4,l", _S, "Show the log of the chosen jobs, up to four.", in_bar=True),
    Action("compare", "Compare", "5,equals_sign", _S, "Show the marked jobs side by side."),
    Action("system", "System", "6", _S, "Show the engine, GPUs, disks and events."),
    # -- jobs
    Action(
        *("stop", "Stop", "x", _J, "Ask the jobs to end."),
        danger=_ENDS,
        cli="foundations stop job {scheduler} {ids}",
        sdk="stop",
        screens=_WITH_JOBS,
        in_bar=True,
        check=_GOES_ON,
    ),
    Action(
        *(
            "delete",
            "Delete",
            "d",
            _J,
            "Delete jobs that have ended; for ten seconds it can be undone.",
        ),
        danger=_ENDS,
        cli="foundations delete job {scheduler} {ids}",
        sdk="delete",
        screens=_WITH_JOBS,
        in_bar=True,
        check=_HAS_ENDED,
    ),
    Action(
        *("undo", "Undo delete", "u", _Q, "Bring back what was deleted in the last ten seconds."),
        danger=_CHANGES,
        cli="foundations restore job {scheduler} {ids}",
        sdk="restore",
    ),
    Action(
        *("rerun", "Rerun", "R", _J, "Submit the jobs again with the same bundle and parameters."),
        danger=_CHANGES,
        cli="foundations rerun job {scheduler} {ids}",
        sdk="rerun",
        screens=_WITH_JOBS,
        in_bar=True,
    ),
    Action(
        *("shell", "Shell", "dollar_sign", _J, "Open a shell where the job runs."),
        danger=_CHANGES,
        cli="foundations shell job {scheduler} {ids}",
        sdk="start_exec",
        screens=_WITH_JOBS,
        check=_RUNS,
    ),
    Action(
        *("open_notebook", "Open notebook", "", _J, "Forward a port to the job's JupyterLab."),
        danger=_CHANGES,
        cli="foundations notebook {scheduler} --job {ids}",
        sdk="open_tunnel",
        screens=_WITH_JOBS,
        check=_RUNS,
    ),
    Action(
        *("clone", "Clone and edit", "e", _J, "Submit a job again after changing what you like."),
        danger=_CHANGES,
        cli="foundations rerun job {scheduler} {ids} -p NAME=VALUE",
        sdk="rerun",
        screens=_WITH_JOBS,
    ),
    Action(
        *("tag", "Tag", "t", _J, "Give the jobs a tag: NAME or NAME=VALUE."),
        danger=_CHANGES,
        cli="foundations tag job {scheduler} {id_list} NAME=VALUE",
        sdk="tag",
        screens=(*_LISTS, "job", "compare"),
    ),
    Action(
        *("untag", "Untag", "U", _J, "Take a tag from the jobs."),
        danger=_CHANGES,
        cli="foundations untag job {scheduler} {id_list} NAME",
        sdk="untag",
        screens=(*_LISTS, "job", "compare"),
    ),
    Action(
        *("note", "Note", "a", _J, "Write a note, in Markdown, about the job."),
        danger=_CHANGES,
        cli="foundations note job {scheduler} {ids} TEXT",
        sdk="note",
        screens=(*_LISTS, "job"),
    ),
    Action(
        *("archive", "Get archive", "W", _J, "Save the job's archive into a directory."),
        cli="foundations get job {scheduler} {ids}",
        sdk="archive",
        screens=(*_LISTS, "job"),
    ),
    Action(
        *("artifact", "Save artifact", "A", _J, "Save an artifact of the job to a path."),
        cli="foundations get artifact {scheduler} {ids} KEY",
        sdk="artifact",
        screens=("job",),
        in_bar=True,
    ),
    Action(
        *("file", "Save file", "w", _J, "Save a file of the job to a path."),
        cli="foundations get file {scheduler} {ids} PATH",
        sdk="file",
        screens=("job",),
    ),
    Action(
        *("source_diff", "Diff source", "v", _J, "Compare the source with that of another job."),
        cli="foundations diff jobs {scheduler} {ids} OTHER_ID --source",
        sdk="source_diff",
        screens=("job",),
    ),
    Action("copy_id", "Copy id", "y", _J, "Copy the job's id, also through SSH.", screens=_LISTS),
    Action(
        *("copy_command", "Copy command", "c", _J, "Copy the command that submits the job again."),
        screens=(*_LISTS, "job", "compare"),
    ),
    Action(
        *("copy_report", "Copy report", "Y", _J, "Copy how the job ended and the end of its log."),
        screens=_WITH_JOBS,
    ),
    # -- queue
    Action(
        *("submit", "New job", "n", _Q, "Choose a directory and a command, and submit a job."),
        danger=_CHANGES,
        cli="foundations submit {scheduler} JOB_DIR COMMAND",
        sdk="submit",
        screens=(*_LISTS, "job", "system"),
        in_bar=True,
    ),
    Action(
        *("move_up", "Move up", "K", _J, "Let waiting jobs start one place earlier."),
        danger=_CHANGES,
        cli="foundations move job {scheduler} {ids} up",
        sdk="move",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("move_down", "Move down", "J", _J, "Let waiting jobs start one place later."),
        danger=_CHANGES,
        cli="foundations move job {scheduler} {ids} down",
        sdk="move",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("move_first", "Move first", "less_than_sign", _J, "Let waiting jobs start next."),
        danger=_CHANGES,
        cli="foundations move job {scheduler} {ids} first",
        sdk="move",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("move_last", "Move last", "greater_than_sign", _J, "Let waiting jobs start last."),
        danger=_CHANGES,
        cli="foundations move job {scheduler} {ids} last",
        sdk="move",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("priority", "Priority", "exclamation_mark", _J, "Set the priority, -100 to 100."),
        danger=_CHANGES,
        cli="foundations set job {scheduler} {ids} --priority NUMBER",
        sdk="set_priority",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("hold", "Hold", "H", _J, "Keep waiting jobs from starting until they are released."),
        danger=_CHANGES,
        cli="foundations hold job {scheduler} {ids}",
        sdk="hold",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("release", "Release", "L", _J, "Let held jobs start again."),
        danger=_CHANGES,
        cli="foundations release job {scheduler} {ids}",
        sdk="release",
        screens=_LISTS,
        check=_WAITS,
    ),
    Action(
        *("pause_queue", "Pause queue", "p", _Q, "Start no more jobs until the queue is resumed."),
        danger=_CHANGES,
        cli="foundations pause queue {scheduler}",
        sdk="pause_queue",
        screens=(*_LISTS, "system"),
    ),
    Action(
        *("resume_queue", "Resume queue", "", _Q, "Start jobs again."),
        danger=_CHANGES,
        cli="foundations resume queue {scheduler}",
        sdk="resume_queue",
    ),
    Action(
        *("max_running", "Jobs at once", "M", _Q, "Set how many jobs may run at once."),
        danger=_CHANGES,
        cli="foundations set queue {scheduler} --max-running-jobs NUMBER",
        sdk="set_queue_settings",
        screens=(*_LISTS, "system"),
    ),
    Action(
        *(
            "clear_queue",
            "Clear queue",
            "D",
            _Q,
            "Stop every job that waits: all, of a project, or listed.",
        ),
        danger=_ENDS,
        cli="foundations clear-queue {scheduler}",
        sdk="clear_queue",
        screens=_LISTS,
    ),
    Action(
        *(
            "prune_environments",
            "Prune environments",
            "D",
            _Q,
            "Remove the environments that no job uses now.",
        ),
        danger=_ENDS,
        cli="foundations prune environments {scheduler}",
        sdk="prune_environments",
        screens=("system",),
    ),
    # -- lists
    Action("mark", "Mark", "space", _L, "Mark the job, and go to the next.", screens=_LISTS),
    Action("mark_range", "Mark range", "V", _L, "Mark from the last mark to here.", screens=_LISTS),
    Action("mark_all", "Mark all", "asterisk", _L, "Mark all that the list has.", screens=_LISTS),
    Action(
        *("filter", "Filter", "slash", _L, "Show only the jobs that a filter takes."),
        screens=("jobs",),
        in_bar=True,
    ),
    Action(
        "filters",
        "Saved filters",
        "F",
        _L,
        "Keep the filter, or take a kept one.",
        screens=("jobs",),
    ),
    Action(
        "sort",
        "Sort",
        "s",
        _L,
        "Choose the column that orders the list.",
        screens=("jobs",),
        in_bar=True,
    ),
    Action("reverse", "Reverse", "S", _L, "Turn the order around.", screens=("jobs",)),
    Action("columns", "Columns", "C", _L, "Choose the columns.", screens=("jobs",), in_bar=True),
    Action("projects", "Projects", "b", _L, "Show or hide the projects.", screens=("jobs",)),
    Action(
        *("export", "Export", "E", _L, "Save what is listed as CSV, JSON or Parquet."),
        cli="foundations export jobs {scheduler} --filter FILTER --output FILE",
        sdk="jobs",
        screens=("jobs", "compare"),
    ),
    # -- logs
    Action(
        "follow",
        "Follow",
        "f",
        _G,
        "Go along with the end of the log.",
        screens=_WITH_LOG,
        in_bar=True,
    ),
    Action("search", "Search", "slash", _G, "Search in the log.", screens=_WITH_LOG, in_bar=True),
    Action("next_match", "Next", "n", _G, "Go to the next match.", screens=_WITH_LOG),
    Action("previous_match", "Previous", "N", _G, "Go to the match before.", screens=_WITH_LOG),
    Action(
        "only_matches",
        "Only matches",
        "ampersand",
        _G,
        "Show matching lines with context.",
        screens=_WITH_LOG,
    ),
    Action(
        "regex",
        "Regex",
        "tilde",
        _G,
        "Search by regular expression or as it is.",
        screens=_WITH_LOG,
    ),
    Action(
        "case", "Case", "i", _G, "Tell capitals and small letters apart or not.", screens=_WITH_LOG
    ),
    Action(
        "wrap", "Wrap", "w", _G, "Break long lines or cut them.", screens=_WITH_LOG, in_bar=True
    ),
    Action(
        *("timestamps", "Times", "t", _G, "Show when each line was written."),
        cli="foundations get logs {scheduler} {ids} --timestamps",
        sdk="log_times",
        screens=_WITH_LOG,
    ),
    Action(
        *("jump_to_time", "Jump to time", "T", _G, "Go to a time, or a percentage."),
        cli="foundations get logs {scheduler} {ids} --since TIME",
        sdk="log_times",
        screens=_WITH_LOG,
    ),
    Action("copy_log", "Copy", "y", _G, "Copy the lines on the screen.", screens=_WITH_LOG),
    Action(
        *("save_log", "Save", "W", _G, "Save the log to a file."),
        cli="foundations get logs {scheduler} {ids}",
        sdk="logs",
        screens=_WITH_LOG,
    ),
    # -- the app
    Action(
        "zoom",
        "Zoom",
        "z",
        _S,
        "Give one pane the whole screen.",
        screens=("dashboard", "job", "logs"),
    ),
    Action(
        "log_larger",
        "Larger log",
        "plus",
        _S,
        "Give the log more of the screen.",
        screens=("dashboard",),
    ),
    Action(
        "log_smaller",
        "Smaller log",
        "minus",
        _S,
        "Give the log less of the screen.",
        screens=("dashboard",),
    ),
    Action(
        "tab_next",
        "Next tab",
        "right_square_bracket",
        _S,
        "Go to the next tab.",
        screens=("job", "compare"),
    ),
    Action(
        "tab_previous",
        "Previous tab",
        "left_square_bracket",
        _S,
        "Go to the tab before.",
        screens=("job", "compare"),
    ),
    Action("tab", "Go to tab", "", _S, "Pick a tab by its name.", screens=("job",)),
    Action(
        *("find", "Find", "slash", _S, "Show only the rows of the tab that have a text."),
        screens=("job",),
        in_bar=True,
    ),
    Action("x_axis", "X axis", "X", _S, "Chart by step, run time or clock.", screens=("job",)),
    Action("log_y", "Log y", "y", _S, "Chart on a logarithmic scale.", screens=("job",)),
    Action("smooth", "Smooth", "s", _S, "Smooth curves more, or not at all.", screens=("job",)),
    Action(
        *(
            "zoom_in",
            "Zoom in",
            "plus",
            _S,
            "Come closer to the cursor of the chart, or to the picture.",
        ),
        screens=("job",),
    ),
    Action(
        "zoom_out",
        "Zoom out",
        "minus",
        _S,
        "Show more of the chart, or of the picture.",
        screens=("job",),
    ),
    Action(
        "metric",
        "Metric",
        "M",
        _S,
        "Choose the metric whose curves are drawn.",
        screens=("compare",),
        in_bar=True,
    ),
    Action(
        "all_facts",
        "All or differing",
        "o",
        _S,
        "Show also what is the same in all jobs, or only what differs.",
        screens=("compare",),
        in_bar=True,
    ),
    Action("refresh", "Refresh", "r", _S, "Ask the scheduler anew for what is shown."),
    Action("pause_screen", "Freeze", "P", _S, "Keep the screen as it is, or let it go on."),
    Action("schedulers", "Schedulers", "at", _S, "Go to another scheduler."),
    Action("read_only", "Read-only", "", _S, "Switch off, or on, what changes anything."),
    Action("theme", "Theme", "", _S, "Choose the colours."),
    Action(
        "mouse",
        "Mouse",
        "m",
        _S,
        "Give the mouse back to the terminal, to select text, or take it.",
    ),
    Action("palette", "Commands", "colon,ctrl+p", _S, "Find any action by its name."),
    Action("help", "Help", "question_mark,f1", _S, "Show the keys of this screen.", in_bar=True),
    Action("back", "Back", "escape", _S, "Clear the filter, then the marks, then go back."),
    Action("quit", "Quit", "q", _S, "Leave; jobs and scheduler go on.", in_bar=True),
)
BY_NAME = {action.name: action for action in ACTIONS}


def on_screen(screen: str) -> list[Action]:
    """The actions that a screen offers, in the order of the table."""
    return [action for action in ACTIONS if action.is_on(screen)]
