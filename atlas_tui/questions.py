"""How the app asks its user: dialogs and forms, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atlas_tui.appearance import Appearance
from atlas_tui.keys import sign
from atlas_tui.messages import Choice, Prompt, Question, Said
from atlas_tui.screens.frame import Frame

if TYPE_CHECKING:
    from atlas_tui.submit_draft import Draft
    from atlas_tui.submitting import Sent
    from foundations.models import JobDetail


class Questions(Appearance):
    """The part of the app that opens dialogs; each waits for the answer, in a worker."""

    async def confirm(self, question: Question) -> bool:
        """Ask for a Yes."""
        from atlas_tui.screens.dialogs import ConfirmDialog

        answer: bool = await self.push_screen_wait(ConfirmDialog(question))
        return answer

    async def ask(self, prompt: Prompt) -> str | None:
        """Ask for a line; None when the user gives up."""
        from atlas_tui.screens.dialogs import PromptDialog

        return await self.push_screen_wait(PromptDialog(prompt))

    async def choose(self, title: str, choices: Sequence[Choice]) -> str | None:
        """Ask for one of several; its key, or None when the user gives up."""
        from atlas_tui.screens.pick_dialog import PickDialog

        return await self.push_screen_wait(PickDialog(title, choices))

    async def fill_form(self, draft: Draft, repeats: JobDetail | None) -> Sent | None:
        """Let the user fill in a form and send it."""
        from atlas_tui.screens.submit import SubmitScreen

        return await self.push_screen_wait(SubmitScreen(draft, repeats=repeats))

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """Say that a key means nothing, where nobody took it; the version of Textual is exact."""
        is_taken = await super()._check_bindings(key, priority)
        shown = sign(key)
        if not (is_taken or priority) and len(shown) == 1 and isinstance(self.screen, Frame):
            self.screen.say(Said(f"{shown} does nothing here; ? shows the keys that do"))
        return is_taken
