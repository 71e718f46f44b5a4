"""The verbs of secrets: kept for jobs, never told."""

from __future__ import annotations

from atlas_scheduler.core.times import utc
from atlas_scheduler.store.secrets import Secret, no_such_secret
from atlas_scheduler.store.threads import in_thread
from atlas_scheduler.writing import Writing
from foundations.errors import InvalidRequest
from foundations.models import JobSpec, SecretView


class SecretKeeping(Writing):
    """What jobs may be given and nobody is shown."""

    async def set_secret(self, name: str, value: str, *, user: str | None, by: str) -> SecretView:
        """Keep a value for the jobs of a user, or with None for everybody's."""
        kept = await in_thread(self.job_secrets.kept.set, name, value.encode(), user=user)
        await self._note_secret("SecretSet", name, user=user, by=by)
        return _view(kept)

    async def secrets(self, user: str) -> list[SecretView]:
        """List the secrets that jobs of a user may have."""
        return [_view(one) for one in await in_thread(self.job_secrets.kept.of_user, user)]

    async def delete_secret(self, name: str, *, user: str | None, by: str) -> None:
        """Forget a value; jobs that have it keep it until they end.

        Raises:
            NotFound: there is none.
        """
        await in_thread(self.job_secrets.kept.remove, name, user=user)
        await self._note_secret("SecretDeleted", name, user=user, by=by)

    async def _note_secret(self, event: str, name: str, *, user: str | None, by: str) -> None:
        detail = {"by": by, "name": name, "user": user}
        await self._durably(
            self._database.write(
                lambda conn: self._append_for_queue(conn, event, None, detail),
            ),
            self._announce,
        )

    async def _need_secrets(self, spec: JobSpec) -> None:
        """Refuse a job that asks for secrets that are not there.

        Raises:
            InvalidRequest: one is missing.
        """
        if not spec.secrets:
            return
        missing = await in_thread(self.job_secrets.kept.missing, spec.secrets, user=spec.user)
        if missing:
            raise InvalidRequest(no_such_secret(missing))


def _view(secret: Secret) -> SecretView:
    return SecretView(name=secret.name, shared=secret.shared, set_at=utc(secret.set_at_ms))
