"""Actions on schedules, projects, and what the scheduler keeps."""

from __future__ import annotations

from atlas_tui.actions import Action, Danger, Scope

_Q = Scope.QUEUE

ROWS: tuple[Action, ...] = (
    Action(
        *(
            "prune_environments",
            "Prune environments",
            "D",
            _Q,
            "Remove the environments that no job uses now.",
        ),
        danger=Danger.ENDS,
        cli="foundations prune environments {scheduler}",
        sdk="prune_environments",
        screens=("system",),
    ),
    Action(
        *(
            "collect_garbage",
            "Let go",
            "X",
            _Q,
            "Delete what projects keep no longer and what nothing needs, after showing it.",
        ),
        danger=Danger.ENDS,
        cli="foundations gc {scheduler}",
        sdk="collect_garbage",
        screens=("system",),
        in_bar=True,
    ),
    Action(
        *(
            "schedules",
            "Schedules",
            "s",
            _Q,
            "Show the schedules, and what can be done with one.",
        ),
        cli="foundations list schedules {scheduler}",
        sdk="schedules",
        screens=("system",),
        in_bar=True,
    ),
    Action(
        *(
            "pause_schedule",
            "Pause schedule",
            "",
            _Q,
            "Let a schedule submit nothing for now.",
        ),
        danger=Danger.CHANGES,
        cli="foundations pause schedule {scheduler} SCHEDULE",
        sdk="pause_schedule",
    ),
    Action(
        *(
            "resume_schedule",
            "Resume schedule",
            "",
            _Q,
            "Let a paused schedule submit again.",
        ),
        danger=Danger.CHANGES,
        cli="foundations resume schedule {scheduler} SCHEDULE",
        sdk="resume_schedule",
    ),
    Action(
        *(
            "delete_schedule",
            "Delete schedule",
            "",
            _Q,
            "Let it submit no more; its jobs stay.",
        ),
        danger=Danger.ENDS,
        cli="foundations delete schedule {scheduler} SCHEDULE",
        sdk="delete_schedule",
    ),
    Action(
        *("retention", "Project keeps", "B", _Q, "Set what a project keeps of its jobs."),
        danger=Danger.CHANGES,
        cli="foundations set project {scheduler} PROJECT --keep-last N",
        sdk="set_retention",
        screens=("jobs", "system"),
    ),
    Action(
        *(
            "limit_project",
            "Project limit",
            "",
            _Q,
            "Set how many jobs of a project run at once.",
        ),
        danger=Danger.CHANGES,
        cli="foundations set project {scheduler} PROJECT --max-running NUMBER",
        sdk="set_queue_settings",
    ),
    Action(
        *("describe_project", "Describe project", "", _Q, "Say what a project is about."),
        danger=Danger.CHANGES,
        cli="foundations describe project {scheduler} PROJECT TEXT",
        sdk="describe_project",
    ),
)
