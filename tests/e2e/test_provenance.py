"""Where a job comes from and what it ran on, from the submission to the archive and the rerun."""

from __future__ import annotations

import json
import socket
import uuid

from tests.e2e import images
from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_docker
from tests.e2e.projects import write_project
from tests.foundations.repositories import make_repository, write

MAIN = "import platform; print('python', platform.python_version())\n"


def test_a_job_tells_where_it_comes_from_and_what_it_ran_on(shared: Scheduler) -> None:
    project = shared.root / "provenance"
    head = make_repository(project, {"main.py": "print('committed')\n"})
    write(project, {"main.py": MAIN, "new.py": ""})

    job_id = shared.submit(project, options=["-p", "seed=7"])
    shared.wait(job_id)

    known = json.loads(shared.cli("show", "provenance", "scheduler", job_id, "--json").out)
    git = known["origin"]["git"]
    assert (git["commit"], git["branch"], git["dirty"]) == (head, "main", True)
    assert git["untracked"] == ["new.py"]
    assert known["seeds"] == {"param.seed": 7}
    execution, environment = known["execution"], known["environment"]
    assert (execution["engine"], execution["host"]) == (shared.engine, socket.gethostname())
    assert f"python {environment['python']}" in shared.log(job_id)
    assert environment["packages"]
    archive = shared.get(job_id)
    assert (archive / "source.patch").read_text() == git["diff"]
    kept = json.loads((archive / "provenance.json").read_text())
    assert kept["execution"] == execution
    found = shared.cli("list", "jobs", "-f", f"git.commit:{head[:10]} git.dirty:true", "--json")
    assert [one["job_id"] for one in json.loads(found.out)] == [job_id]


@on_docker
def test_a_rerun_runs_the_image_that_ran_although_its_tag_was_rebuilt(shared: Scheduler) -> None:
    name = f"atlas-test-{uuid.uuid4().hex[:8]}:latest"
    build = f"FROM {images.BASE_IMAGE}\nENV KIND={{}}\n"
    images.build_image(name, build.format("old"), {})
    try:
        project = write_project(
            shared.root / "pinned", {"main.py": "import os; print('kind', os.environ['KIND'])\n"}
        )
        first = shared.submit(project, options=["--image", name])
        shared.wait(first)
        with images.connection() as engine:
            old = engine.images.get(name)
            assert old.id is not None
        images.build_image(name, build.format("new"), {})

        again = shared.cli("rerun", "job", "scheduler", first, "--detach")
        fresh = shared.submit(project, options=["--image", name])

        job = shared.wait(again.out.strip())
        ran = job.provenance.execution
        original = shared.job(first).provenance.execution
        assert original is not None
        assert ran is not None
        assert original.image_id == ran.image_id == old.id
        assert original.image == name
        assert original.image_digests == old.attrs["RepoDigests"]
        assert (job.image, job.spec.pinned_image) == (name, old.id)
        assert "named by a tag" not in again.err
        shared.wait(fresh)
        assert "kind old" in shared.log(job.job_id)
        assert "kind new" in shared.log(fresh)
        row = json.loads(shared.cli("diff", "jobs", "scheduler", first, fresh, "--json").out)
        assert "image_id" in {one["name"] for one in row["differences"]}
        images.remove_image(old.id)
        late = shared.cli("rerun", "job", "scheduler", first, "--detach").out.strip()
        shared.wait(late)
        log = shared.log(late)
        assert f"({old.id}) is not on this machine any more; {name} is run as it is now." in log
        assert "kind new" in log
    finally:
        images.remove_image(name)
