"""Actions on the queue, and on the place of jobs in it."""

from __future__ import annotations

from atlas_tui.actions import Action, Danger, Scope
from atlas_tui.actions_by.chosen import LISTS, WAITS

_J, _Q = Scope.JOBS, Scope.QUEUE

ROWS: tuple[Action, ...] = (
    Action(
        *(
            "submit",
            "New job",
            "n",
            _Q,
            "Choose a directory and a command, and submit a job.",
        ),
        danger=Danger.CHANGES,
        cli="foundations submit {scheduler} JOB_DIR COMMAND",
        sdk="submit",
        screens=(*LISTS, "job", "system"),
        in_bar=True,
    ),
    Action(
        *("move_up", "Move up", "K", _J, "Let waiting jobs start one place earlier."),
        danger=Danger.CHANGES,
        cli="foundations move job {scheduler} {ids} up",
        sdk="move",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *("move_down", "Move down", "J", _J, "Let waiting jobs start one place later."),
        danger=Danger.CHANGES,
        cli="foundations move job {scheduler} {ids} down",
        sdk="move",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *("move_first", "Move first", "less_than_sign", _J, "Let waiting jobs start next."),
        danger=Danger.CHANGES,
        cli="foundations move job {scheduler} {ids} first",
        sdk="move",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *(
            "move_last",
            "Move last",
            "greater_than_sign",
            _J,
            "Let waiting jobs start last.",
        ),
        danger=Danger.CHANGES,
        cli="foundations move job {scheduler} {ids} last",
        sdk="move",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *("priority", "Priority", "exclamation_mark", _J, "Set the priority, -100 to 100."),
        danger=Danger.CHANGES,
        cli="foundations set job {scheduler} {ids} --priority NUMBER",
        sdk="set_priority",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *(
            "hold",
            "Hold",
            "H",
            _J,
            "Keep waiting jobs from starting until they are released.",
        ),
        danger=Danger.CHANGES,
        cli="foundations hold job {scheduler} {ids}",
        sdk="hold",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *("release", "Release", "L", _J, "Let held jobs start again."),
        danger=Danger.CHANGES,
        cli="foundations release job {scheduler} {ids}",
        sdk="release",
        screens=LISTS,
        check=WAITS,
    ),
    Action(
        *(
            "pause_queue",
            "Pause queue",
            "p",
            _Q,
            "Start no more jobs until the queue is resumed.",
        ),
        danger=Danger.CHANGES,
        cli="foundations pause queue {scheduler}",
        sdk="pause_queue",
        screens=(*LISTS, "system"),
    ),
    Action(
        *("resume_queue", "Resume queue", "", _Q, "Start jobs again."),
        danger=Danger.CHANGES,
        cli="foundations resume queue {scheduler}",
        sdk="resume_queue",
    ),
    Action(
        *("max_running", "Jobs at once", "M", _Q, "Set how many jobs may run at once."),
        danger=Danger.CHANGES,
        cli="foundations set queue {scheduler} --max-running-jobs NUMBER",
        sdk="set_queue_settings",
        screens=(*LISTS, "system"),
    ),
    Action(
        *(
            "clear_queue",
            "Clear queue",
            "D",
            _Q,
            "Stop every job that waits: all, of a project, or listed.",
        ),
        danger=Danger.ENDS,
        cli="foundations clear-queue {scheduler}",
        sdk="clear_queue",
        screens=LISTS,
    ),
)
