"""Programs that record without a scheduler: when a run begins, and what belongs to it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from foundations.home import Home
from tests.foundations.run_dirs import Programs


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


@pytest.mark.parametrize(
    ("call", "record"),
    [
        ("log_param('lr', 0.1)", ("param", "lr")),
        ("log_params({'lr': 0.1})", ("param", "lr")),
        ("log_metric('loss', 0.5)", ("metric", "loss")),
        ("set_tag('kind')", ("tag", "kind")),
        ("save_artifact('main.py')", ("artifact", "main.py")),
    ],
)
def test_the_first_record_begins_a_run(
    programs: Programs, call: str, record: tuple[str, str]
) -> None:
    programs.write(f"import foundations\nfoundations.{call}\nfoundations.{call}\n")
    done = programs.run("main.py", "--epochs", "3")

    run = programs.only_run
    assert done.returncode == 0
    assert f"Foundations INFO: Recording local run '{run.path.name}' of project digits.\n" in (
        done.stderr
    )
    assert run.records == [record, record]
    assert run.end == (0, None, False)
    described = run.description
    assert described["project"] == "digits"
    assert described["command"] == ("main.py", "--epochs", "3")
    assert described["working_dir"] == str(programs.directory)
    assert not described["interactive"]
    assert stat.S_IMODE(programs.home.root.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "text",
    [
        "import foundations",
        "import foundations.tracking, foundations.local_run",
        "import foundations\nfoundations.load_parameters()",
        "import foundations\nfoundations.log_params({})",
        "import foundations\nassert not foundations.should_stop()",
        "import foundations\nfoundations.end_run()",
    ],
)
def test_without_a_record_there_is_no_run_and_no_trace(programs: Programs, text: str) -> None:
    programs.write(text)
    programs.write("{}", "foundations_job_parameters.json")
    done = programs.run()

    assert (done.returncode, done.stderr) == (0, "")
    assert not programs.home.root.exists()


def test_parameters_of_a_file_are_records(programs: Programs) -> None:
    programs.write('{"lr": 0.1}', "foundations_job_parameters.json")
    programs.write("import foundations\nprint(foundations.load_parameters())")

    assert programs.run().stdout == "{'lr': 0.1}\n"
    assert programs.only_run.records == [("param", "lr")]


@pytest.mark.parametrize("value", ["True", "1", "yes"])
def test_a_command_line_makes_no_run(programs: Programs, value: str) -> None:
    programs.write("import foundations\nfor _ in range(2): foundations.log_param('lr', 0.1)")
    done = programs.run(FOUNDATIONS_COMMAND_LINE=value)

    assert done.stderr == "Foundations WARNING: Script not run with Foundations.\n"
    assert not programs.home.root.exists()


def test_a_false_command_line_is_none(programs: Programs) -> None:
    programs.write("import foundations\nfoundations.log_param('lr', 0.1)")
    programs.run(FOUNDATIONS_COMMAND_LINE="False")

    assert programs.only_run.records == [("param", "lr")]


def test_the_project_may_be_named_by_the_environment(programs: Programs) -> None:
    programs.write("import foundations\nfoundations.log_param('lr', 0.1)")
    programs.run(FOUNDATIONS_PROJECT_NAME="a/b\n")

    assert programs.only_run.description["project"] == "a_b_"


def test_a_home_that_cannot_be_made_is_a_warning(programs: Programs) -> None:
    programs.home = Home(programs.directory / "file" / "home")
    programs.write("", "file")
    programs.write("import foundations\nfoundations.log_param('lr', 0.1)\nprint('done')")
    done = programs.run(FOUNDATIONS_HOME=str(programs.home.root))

    assert done.stdout == "done\n"
    assert done.stderr == (
        "Foundations WARNING: No local run is recorded: Not a directory; the program goes on.\n"
    )


EXPLICIT = """
import foundations
run = foundations.start_run({arguments})
foundations.log_metric("loss", 0.5)
{end}
"""


@pytest.mark.parametrize("end", ["foundations.end_run()", ""])
def test_a_run_can_be_begun_and_ended_by_hand(programs: Programs, end: str) -> None:
    arguments = "'letters', name='first', tags={'kind': 'small'}"
    programs.write(EXPLICIT.format(arguments=arguments, end=end))
    programs.run()

    run = programs.only_run
    assert run.description["project"] == "letters"
    assert run.records == [("tag", "kind"), ("tag", "name"), ("metric", "loss")]
    assert run.end == (0, None, False)


def test_a_record_after_the_end_of_a_run_begins_another(programs: Programs) -> None:
    programs.write(
        "import foundations\n"
        "with foundations.start_run():\n    foundations.log_metric('loss', 1)\n"
        "foundations.log_metric('other', 1)\n"
    )
    programs.run()

    assert sorted(run.records for run in programs.runs) == [
        [("metric", "loss")],
        [("metric", "other")],
    ]


@pytest.mark.parametrize(
    ("raised", "end"),
    [
        ("ValueError('bad rate')", (1, "ValueError: bad rate", False)),
        ("KeyboardInterrupt", (130, None, True)),
        ("SystemExit(4)", (4, None, False)),
        ("SystemExit", (0, None, False)),
    ],
)
def test_an_exception_inside_a_block_ends_its_run(
    programs: Programs, raised: str, end: tuple[int, str | None, bool]
) -> None:
    programs.write(
        "import foundations\n"
        f"try:\n    with foundations.start_run():\n        raise {raised}\n"
        "except BaseException as error:\n    print(type(error).__name__)\n"
    )
    done = programs.run()

    assert done.stdout == raised.partition("(")[0] + "\n"
    assert programs.only_run.end == end


def test_a_run_that_began_by_itself_is_taken_over(programs: Programs) -> None:
    programs.write(
        "import foundations\nfoundations.log_param('lr', 1)\n"
        "with foundations.start_run(name='first'):\n    foundations.log_metric('loss', 1)\n"
    )
    programs.run()

    assert programs.only_run.records == [("param", "lr"), ("tag", "name"), ("metric", "loss")]


def test_a_second_run_ends_the_first_and_says_so(programs: Programs) -> None:
    programs.write("import foundations\nfoundations.start_run('a')\nfoundations.start_run('b')\n")
    done = programs.run()

    assert "goes on no longer: another one was started.\n" in done.stderr
    assert {run.description["project"]: run.end for run in programs.runs} == {
        "a": (0, None, False),
        "b": (0, None, False),
    }


def test_inside_a_job_a_run_is_the_job(programs: Programs, tmp_path: Path) -> None:
    programs.write(
        "import foundations\n"
        "with foundations.start_run('other', name='first') as run:\n"
        "    foundations.log_metric('loss', 1)\nprint(run.id)\n"
    )
    events = tmp_path / "events.jsonl"
    done = programs.run(ATLAS_EVENTS=str(events), FOUNDATIONS_JOB_ID="the-job")

    assert done.stdout == "the-job\n"
    assert len(events.read_text().splitlines()) == 2
    assert not programs.home.root.exists()


def test_a_run_that_is_asked_to_stop_can_tell(programs: Programs) -> None:
    programs.write(
        "import foundations\nrun = foundations.start_run()\nprint(foundations.should_stop())\n"
        "open(run.path + '/stop_requested', 'w').close()\nprint(foundations.should_stop())\n"
    )
    assert programs.run("-W", "ignore", "main.py").stdout == "False\nTrue\n"


CHILDREN = {
    "a forked child that exits": """
pid = os.fork()
if not pid:
    foundations.log_metric("child", 1)
    sys.exit(3)
os.waitpid(pid, 0)
""",
    "a forked worker": """
worker = multiprocessing.get_context("fork").Process(target=record)
worker.start(); worker.join()
""",
    "a spawned worker": """
worker = multiprocessing.get_context("spawn").Process(target=record)
worker.start(); worker.join()
""",
    "another program": """
subprocess.run([sys.executable, "-c", "import foundations; foundations.log_metric('child', 1)"])
""",
}
WITH_CHILD = """
import multiprocessing, os, subprocess, sys
import foundations

def record():
    foundations.log_metric("child", 1)
    foundations.end_run()

if __name__ == "__main__":
    foundations.log_metric("before", 1)
    {child}
    foundations.log_metric("after", 1)
    sys.exit(7)
"""


@pytest.mark.parametrize("child", CHILDREN.values(), ids=CHILDREN)
def test_children_record_to_the_run_and_do_not_end_it(programs: Programs, child: str) -> None:
    programs.write(WITH_CHILD.format(child=child.strip().replace("\n", "\n    ")))
    programs.run()

    run = programs.only_run
    assert run.records == [("metric", "before"), ("metric", "child"), ("metric", "after")]
    assert run.end == (7, None, False)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process_begins_no_run(programs: Programs, method: str) -> None:
    programs.write(
        "import multiprocessing, foundations\n"
        "if __name__ == '__main__':\n"
        f"    context = multiprocessing.get_context('{method}')\n"
        "    worker = context.Process(target=foundations.log_metric, args=('loss', 1))\n"
        "    worker.start(); worker.join(); print(worker.exitcode)\n"
    )
    done = programs.run()

    assert done.stdout == "0\n"
    assert "a child process cannot begin a local run" in done.stderr
    assert programs.runs == []


def test_many_threads_begin_one_run(programs: Programs) -> None:
    programs.write(
        "import threading, foundations\n"
        "gate = threading.Barrier(16)\n"
        "def record(): gate.wait(); foundations.log_metric('loss', 1)\n"
        "threads = [threading.Thread(target=record) for _ in range(16)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
    )
    programs.run()

    assert programs.only_run.records == [("metric", "loss")] * 16


def test_a_session_is_told_from_a_program(programs: Programs) -> None:
    programs.write("import foundations\nfoundations.log_metric('loss', 1)\n")
    programs.run("-c", "import sys; sys.ps1 = '>>> '; exec(open('main.py').read())")

    assert programs.only_run.description["interactive"]


def test_its_process_holds_the_lock_and_nobody_else(programs: Programs) -> None:
    from atlas_scheduler.store.run_dirs import (
        Life,
        Machine,
        RunDescription,
        is_its_process,
        life,
        read_description,
    )

    programs.write(
        "import foundations, signal\nfoundations.log_metric('loss', 1)\nsignal.pause()\n"
    )
    process = programs.begin()
    try:
        assert process.stderr is not None
        assert "Recording" in process.stderr.readline()
        path = programs.only_run.path
        run = read_description(path)
        assert isinstance(run, RunDescription)
        here = Machine.model_validate(run.model_dump())
        assert run.pid == process.pid
        assert is_its_process(run) == sys.platform.startswith("linux")
        assert life(path, run, here) is Life.ALIVE
        unknown = run.model_copy(update={"process_start": 1})
        assert life(path, unknown, here) is Life.ALIVE  # by its lock alone
    finally:
        process.kill()
        process.communicate()
    assert life(path, run, here) is Life.DEAD
    assert list((path / "artifacts").iterdir()) == []


def test_logs_for_tensorboard_stay_where_they_are(programs: Programs) -> None:
    programs.write(
        "import foundations\nfoundations.set_tensorboard_logdir('runs')\n"
        "foundations.log_metric('loss', 1)\nfoundations.set_tensorboard_logdir('runs')\n"
    )
    done = programs.run()

    assert done.stderr.endswith(
        "Foundations WARNING: TensorBoard logs are not kept of a local run; they stay in runs.\n"
    )
    assert programs.only_run.records == [("metric", "loss")]
