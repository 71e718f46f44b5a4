"""A job that was submitted from Python, and what can be done with it and beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foundations.beside.executed import Executed, execute
from foundations.models import MovePlace
from foundations.original_names import OriginalNames
from foundations.rerun import create_rerun, rerun_spec

if TYPE_CHECKING:
    from foundations.beside.forwarding import Forward
    from foundations.notebooks import NotebookForward
    from foundations.tensorboard import TensorBoard


class SubmittedJob(OriginalNames):
    """One submitted job. Every method asks the scheduler anew.

    The names of the original SDK (`job_name`, `get_job_status`, …) work too.
    """

    def stop(self) -> None:
        """Ask the job to end. One that waits is stopped at once.

        Raises:
            JobConflict: it has ended already.
        """
        self._client.stop(self.job_id)

    def delete(self) -> None:
        """Delete the job and its archive; `restore` undoes it for some seconds.

        Raises:
            JobConflict: it has not ended yet.
        """
        self._client.delete(self.job_id)

    def restore(self) -> None:
        """Bring the job back, as it was, after it was just deleted.

        Raises:
            JobConflict: it is not deleted.
            NotFound: it is too late.
        """
        self._client.restore(self.job_id)

    def hold(self) -> None:
        """Keep the job waiting until it is released.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.hold(self.job_id)

    def release(self) -> None:
        """Let the held job have its turn.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.release(self.job_id)

    def set_priority(self, priority: int) -> None:
        """Give the waiting job a priority from -100 to 100; larger goes first.

        Raises:
            JobConflict: it does not wait any more.
        """
        self._client.set_priority(self.job_id, priority)

    def move(self, place: MovePlace, other: str | None = None) -> None:
        """Move the waiting job in the queue, among those of its priority.

        Args:
            place: `first`, `last`, `up`, `down`, or `before` or `after` the `other`.
            other: id of the job to put it next to.

        Raises:
            JobConflict: one of them does not wait any more.
        """
        self._client.move([self.job_id], place, other=other)

    def tag(self, key: str, value: str = "") -> None:
        """Tag the job; a tag that it has already gets the new value."""
        self._client.tag(self.job_id, {key: value})

    def untag(self, *keys: str) -> None:
        """Remove tags from the job: all of these or, when it lacks one, none.

        Raises:
            NotFound: it has no such tag.
        """
        self._client.untag(self.job_id, keys)

    def note(self, text: str) -> None:
        """Add a note (Markdown) to the job."""
        self._client.note(self.job_id, text)

    def execute(self, command: Sequence[str], *, input: bytes = b"") -> Executed:
        """Run a command beside the job while it runs, and wait for its end.

        It runs as the job's user, with its environment, in its work dir.

        Args:
            command: program and arguments.
            input: what it reads from standard input.

        Raises:
            JobConflict: the job does not run.
        """
        return execute(self._client, self.job_id, command, input=input)

    def forward(self, port: int, *, local_port: int = 0, address: str = "127.0.0.1") -> Forward:
        """Let a port of this machine lead to one of the job: a context manager with its `url`.

        Args:
            port: where a program of the job listens.
            local_port: the port here; 0 takes any that is free, which `local_port` then tells.
            address: which address of this machine to listen at.

        Raises:
            JobConflict: the job does not run.
            ConfigError: the port here is not free.
        """
        from foundations.beside.forwarding import Forward

        return Forward(self._client, self.job_id, [(local_port, port)], address=address)

    def notebook(self, *, local_port: int = 0, address: str = "127.0.0.1") -> NotebookForward:
        """Wait for the JupyterLab of the job: a context manager with the `url` to open.

        Args:
            local_port: the port here; 0 takes any that is free.
            address: which address of this machine to listen at.

        Raises:
            JobConflict: the job has ended, or runs no notebook (`foundations.notebook`).
        """
        from foundations.notebooks import NotebookForward, await_notebook

        place = await_notebook(self._client, self.job_id)
        return NotebookForward(
            self._client, self.job_id, place, local_port=local_port, address=address
        )

    def rerun(
        self,
        *,
        params: Mapping[str, Any] | None = None,
        command: str | Sequence[str] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> SubmittedJob:
        """Queue a job that does the same again, except for what is changed, and return it.

        Args:
            params: added to the job's parameters; the last value of a key counts.
            command: script and arguments in place of the job's.
            changes: other fields of its spec, such as `{"num_gpus": 2, "ram_gb": 16}`; environment
                variables and tags are added to the job's.

        Raises:
            ConfigError: a parameter has no JSON form, or a field cannot be what it shall be.
            NotFound: the scheduler no longer has the job or the files that it ran.
        """
        job = self.details()
        spec = rerun_spec(job, command=command, params=params, changes=changes)
        return SubmittedJob(self._client, create_rerun(self._client, job, spec).job_id)

    def tensorboard(self, *, host: str = "127.0.0.1", port: int | None = None) -> TensorBoard:
        """Start TensorBoard on the job's logs: a context manager with its `url`.

        Args:
            host: the address that it listens at.
            port: likewise; None takes 6006 or the next free one, 0 any.

        Raises:
            NotFound: the job has no logs.
            MissingExtra: TensorBoard is not installed.
            AtlasError: it does not start.
        """
        from foundations.tensorboard import TensorBoard

        return TensorBoard(self._client, [self.job_id], host=host, port=port)
