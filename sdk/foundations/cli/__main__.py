"""`foundations`: the entry point of the command line."""

from __future__ import annotations

import io
import sys

import click

from foundations import __version__
from foundations.cli.groups import RootGroup

COMMANDS = {
    "init": ("foundations.cli.init:init", "Create a sample project."),
    "submit": ("foundations.cli.submit:submit", "Copy a directory and queue a job that runs it."),
    "rerun": ("foundations.cli.rerun:rerun", "Run a job again, with what you change."),
    "list": (
        "foundations.cli.list:list_",
        "List jobs, projects, schedules, events and more.",
    ),
    "show": ("foundations.cli.show:show", "Show one job, array or schedule, or the queue."),
    "metrics": ("foundations.cli.metrics:metrics", "Print or draw what a job measured."),
    "diff": ("foundations.cli.diff:diff", "Show what differs between two jobs."),
    "compare": ("foundations.cli.compare:compare", "Compare jobs in a table."),
    "get": ("foundations.cli.get:get", "Get a job's archive, logs or artifacts."),
    "export": (
        "foundations.cli.export:export",
        "Export jobs as CSV, JSON or Parquet, or to MLflow.",
    ),
    "tensorboard": ("foundations.cli.tensorboard:tensorboard", "Show jobs in TensorBoard."),
    "tag": ("foundations.cli.tag:tag", "Tag jobs."),
    "untag": ("foundations.cli.tag:untag", "Remove tags from jobs."),
    "note": ("foundations.cli.note:note", "Write notes about jobs, or read them."),
    "exec": ("foundations.cli.exec:exec_", "Run a command beside a job that runs."),
    "shell": ("foundations.cli.exec:shell", "Open a shell beside a job that runs."),
    "forward": ("foundations.cli.forward:forward", "Reach ports of a job that runs."),
    "notebook": ("foundations.cli.notebook:notebook", "Run JupyterLab in a job, and open it here."),
    "wait": ("foundations.cli.wait:wait", "Wait until a job has ended."),
    "stop": ("foundations.cli.stop:stop", "Stop jobs that run or wait."),
    "move": ("foundations.cli.move:move", "Change the order of the queue."),
    "hold": ("foundations.cli.hold:hold", "Keep jobs in the queue."),
    "release": ("foundations.cli.hold:release", "Let held jobs have their turn."),
    "pause": ("foundations.cli.pause:pause", "Start nothing any more, or pause a schedule."),
    "resume": ("foundations.cli.pause:resume", "Start jobs again, or resume a schedule."),
    "rename": ("foundations.cli.rename:rename", "Rename a project."),
    "describe": ("foundations.cli.describe:describe", "Say what a project is about."),
    "delete": (
        "foundations.cli.delete:delete",
        "Delete jobs with their archives, a project, or schedules.",
    ),
    "restore": ("foundations.cli.restore:restore", "Undo a deletion."),
    "prune": ("foundations.cli.prune:prune", "Remove what is kept only to be faster."),
    "clear-queue": ("foundations.cli.clear_queue:clear_queue", "Stop jobs that wait."),
    "set": ("foundations.cli.set:set_", "Change the queue, a priority, or what is kept."),
    "secret": ("foundations.cli.secret:secret", "Keep values that jobs get and nobody is shown."),
    "gc": ("foundations.cli.retention:gc", "Delete what is kept no longer."),
    "tui": ("foundations.cli.tui:tui", "Open the control center."),
    "config": ("foundations.cli.config:config", "Say which schedulers there are."),
    "login": ("foundations.cli.login:login", "Sign in at a scheduler by a token."),
    "logout": ("foundations.cli.login:logout", "Forget the token of a scheduler."),
    "info": ("foundations.cli.info:info", "Show a scheduler, or all scheduler configs."),
    "token": ("foundations.cli.token:token", "Say who may use a scheduler over a network."),
    "whoami": ("foundations.cli.token:whoami", "Show as whom a scheduler knows you."),
    "doctor": ("foundations.cli.doctor:doctor", "Check that everything needed works."),
    "completion": ("foundations.cli.completion:completion", "Print a shell's completion script."),
}


@click.group(
    cls=RootGroup,
    late=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 3 the job did not complete, 130 Ctrl-C.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, message="Running Foundations version %(version)s")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """Submit machine-learning jobs to a scheduler and look after them."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end a command half way.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="foundations")


if __name__ == "__main__":
    main()
