"""Filters that are kept under a name, offered, and forgotten again."""

from __future__ import annotations

from dataclasses import replace

from textual import work

from atlas_tui.job_listing import Listing
from atlas_tui.keyboard import ASKING
from atlas_tui.messages import Choice, Prompt, Said
from atlas_tui.screens.list_frame import ListFrame
from atlas_tui.session import OFFERED, SavedFilter

_KEEP, _FORGET = "+", "-"


class KeptFilters(ListFrame):
    """A list that takes filters which the session keeps."""

    _listing: Listing
    """What was asked for last."""
    _good: Listing
    """What is shown: the scheduler may have refused what was asked for."""

    def _list(self, listing: Listing) -> None:
        """Show another list."""
        raise NotImplementedError

    @work(group=ASKING, exclusive=True)
    async def action_filters(self) -> None:
        """Take a kept filter, or keep the one that is shown."""
        session, now = self.atlas.session, self._good.filter
        known = [*session.saved_filters, *OFFERED]
        choices = [Choice(str(place), one.name, one.filter) for place, one in enumerate(known)]
        if now and now not in [one.filter for one in known]:
            choices.append(Choice(_KEEP, "Keep this filter…", now))
        if session.saved_filters:
            choices.append(Choice(_FORGET, "Forget a filter…"))
        picked = await self.atlas.choose("Filters", choices)
        if picked == _KEEP:
            await self._keep(now)
        elif picked == _FORGET:
            await self._forget()
        elif picked is not None:
            self._list(replace(self._listing, filter=known[int(picked)].filter))

    async def _keep(self, filter: str) -> None:
        name = await self.atlas.ask(Prompt("Keep the filter as", hint=filter, problem=_no_name))
        if name:
            session = self.atlas.session
            others = [one for one in session.saved_filters if one.name != name.strip()]
            session.saved_filters = (*others, SavedFilter(name=name.strip(), filter=filter))
            self.say(Said(f"Kept as {name.strip()}", "good"))

    async def _forget(self) -> None:
        session = self.atlas.session
        choices = [Choice(one.name, one.name, one.filter) for one in session.saved_filters]
        picked = await self.atlas.choose("Forget", choices)
        if picked is not None:
            session.saved_filters = tuple(
                one for one in session.saved_filters if one.name != picked
            )


def _no_name(text: str) -> str | None:
    return None if text.strip() else "a filter needs a name"
