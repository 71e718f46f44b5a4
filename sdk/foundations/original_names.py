"""The names that the SDK of the original Atlas had for a job, so that its programs run here."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from foundations.job_answers import JobAnswers
from foundations.models import FINAL_STATES, JobDetail, JobState


class OriginalNames(JobAnswers):
    """What a job could be asked in the original, by the names that it had there."""

    def job_name(self) -> str:
        """Return the job's id."""
        return self.job_id

    def is_job_complete(self) -> bool:
        """Tell whether the job has ended, in whatever way."""
        return self.status() in FINAL_STATES

    def get_job_status(self) -> JobState:
        """Return the job's state; a failed job is `failed`."""
        return self.status()

    def get_true_job_status(self) -> JobState:
        """Return the job's state."""
        return self.status()

    def get_job_logs(self) -> str:
        """Return the job's output so far."""
        return self.logs()

    def stream_job_logs(self) -> Iterator[str]:
        """Iterate over the job's output until it ends."""
        return self.logs(follow=True)

    def get_job_details(self) -> JobDetail:
        """Wait until the job has ended and return everything about it."""
        return self._client.wait(self.job_id)

    def wait_for_deployment_to_complete(
        self, wait_seconds: float = 5, *, log_output: bool = True
    ) -> None:
        """Wait until the job has ended; the arguments are accepted and have no effect."""
        self.wait()

    def get_metric(self, name: str) -> JsonValue:
        """Wait until the job has ended and return a metric's last value.

        Raises:
            KeyError: the job logged no such metric.
        """
        metrics = self.get_job_details().metrics
        if name not in metrics:
            raise KeyError(f"Metric '{name}' does not exist.")
        return metrics[name]

    def get_param(self, name: str) -> JsonValue:
        """Wait until the job has ended and return a parameter, logged or submitted.

        Raises:
            KeyError: the job has no such parameter.
        """
        details = self.get_job_details()
        parameters = {**details.spec.params, **details.parameters}
        if name not in parameters:
            raise KeyError(f"Parameter '{name}' does not exist.")
        return parameters[name]
