"""Tell, while this process ends, how it ends: by itself, with an exit code, by an exception.

Python tells it to nobody: a function of `atexit` gets no exit code, and `sys.excepthook` is not
called for SystemExit. So evidence is put together: whether the main program's frame ended by a
return, what `sys.last_value` holds, which SystemExit reached the top, and for `sys.exit(main())`,
whose `sys.exit` was looked up before anybody could note it, what `main` returned.
"""

from __future__ import annotations

import builtins
import sys
import threading

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any, Callable, List, Optional, Tuple

    Held = Tuple[FrameType, int]
    """A frame, and the offset of the instruction that it had come to."""

KEYBOARD_INTERRUPT_CODE = 130
UNSEEN = (
    "ended by an exit whose code cannot be seen; it can be seen where `sys.exit` is called with "
    "a variable, or with Python 3.12 and later"
)
_NOTE = "_foundations_note"
_LONGEST_ERROR = 500
_FREE_MONITORING_TOOLS = (4, 3)
_SAYS_NOTHING = frozenset({"NOP", "CACHE", "RESUME", "PRECALL", "POP_BLOCK", "EXTENDED_ARG"})


class Outcome:
    """How a process, or a part of its work, ended."""

    def __init__(
        self, exit_code: Optional[int], error: Optional[str] = None, *, interrupted: bool = False
    ) -> None:
        self.exit_code = exit_code
        self.error = error
        self.interrupted = interrupted

    @classmethod
    def of(cls, error: Optional[BaseException]) -> Outcome:
        """Return what an exception means that ends a run; None is none."""
        if error is None:
            return cls(0)
        if isinstance(error, SystemExit):
            return cls.of_status(error.code)
        if isinstance(error, KeyboardInterrupt):
            return cls(KEYBOARD_INTERRUPT_CODE, interrupted=True)
        return cls(1, _text(error))

    @classmethod
    def of_status(cls, status: object) -> Outcome:
        """Return what the argument of `sys.exit` means."""
        if status is None:
            return cls(0)
        if isinstance(status, int):
            return cls(status & 0xFF)
        return cls(1, _bounded(str(status)))


class ExitWatch:
    """Looks, from its making on, at how the main program goes."""

    def __init__(self) -> None:
        self._held = _main_frames()
        self._last_value = getattr(sys, "last_value", None)
        self._raised: Optional[Outcome] = None
        self._arrived: Optional[Outcome] = None
        self._note_exits()
        self._follow_unwinding()

    def outcome(self) -> Outcome:
        """Tell how the process ends; to be asked by a function of `atexit`."""
        if self._arrived is not None:
            return self._arrived
        top = self._held[0][0] if self._held else None
        if _last_instruction(top).startswith("RETURN_"):
            return Outcome(0)
        last_value = getattr(sys, "last_value", None)
        if last_value is not None and last_value is not self._last_value:
            return Outcome.of(last_value)
        if self._raised is not None:  # something still holds on to the exception
            return self._raised
        return _exit_argument(self._held)

    def _note_exits(self) -> None:
        """Have `sys.exit`, `exit` and `quit` leave a note on what they raise."""
        real_exit = sys.exit
        noting = self._noting(real_exit)
        sys.exit = noting
        main_names = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
        for name in [name for name, value in main_names.items() if value is real_exit]:
            main_names[name] = noting
        quitter: Any = type(getattr(builtins, "exit", None))
        if quitter.__module__ == "_sitebuiltins":
            quitter.__call__ = self._noting(quitter.__call__)

    def _noting(self, real_exit: Callable[..., Any]) -> Callable[..., Any]:
        def exit(*arguments: Any, **named: Any) -> Any:
            try:
                return real_exit(*arguments, **named)
            except SystemExit as error:
                if threading.current_thread() is threading.main_thread():
                    self._raised = Outcome.of_status(error.code)
                    setattr(error, _NOTE, _Note(self._raised, self._let_go))
                raise

        exit.__doc__ = real_exit.__doc__
        return exit

    def _let_go(self, outcome: Outcome, is_caught: bool) -> None:
        if not is_caught:
            self._arrived = outcome
        elif self._raised is outcome:
            self._raised = None

    def _follow_unwinding(self) -> None:
        """Have Python 3.12 and later say which exception leaves the main program's frame."""
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None or not self._held:
            return
        main_program = self._held[0][0].f_code

        def left(code: CodeType, offset: int, error: BaseException) -> None:
            if code is main_program and isinstance(error, SystemExit):
                self._arrived = Outcome.of(error)

        for tool in _FREE_MONITORING_TOOLS:
            if monitoring.get_tool(tool) is None:
                monitoring.use_tool_id(tool, "foundations")
                monitoring.register_callback(tool, monitoring.events.PY_UNWIND, left)
                monitoring.set_events(tool, monitoring.events.PY_UNWIND)
                return


class _Note:
    """Lives as long as the exception that it hangs on, and tells where that ended."""

    def __init__(self, outcome: Outcome, let_go: Callable[[Outcome, bool], None]) -> None:
        self._outcome = outcome
        self._let_go = let_go

    def __del__(self) -> None:
        # Whoever catches an exception has a frame; at the top there is none below this one.
        self._let_go(self._outcome, sys._getframe().f_back is not None)


def _main_frames() -> List[Held]:
    """Find the main program's frame, and those below it whose value it will exit with.

    No other frame is held: what is in its variables may be large. `python -m` has frames of its
    own before the main program's.
    """
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    chain: List[FrameType] = []
    while frame is not None:
        chain.append(frame)
        frame = frame.f_back
    chain.reverse()
    for place, each in enumerate(chain):
        if each.f_code.co_name == "<module>" and each.f_globals.get("__name__") == "__main__":
            return _with_callees(chain[place:])
    return [(each, _offset(each)) for each in chain[:1]]


def _with_callees(chain: List[FrameType]) -> List[Held]:
    held = []
    follows = "CALL"  # the call of `sys.exit` or `SystemExit`
    for each in chain:
        held.append((each, _offset(each)))
        if not _instruction_after(each).startswith(follows):
            break
        follows = "RETURN_"
    return held


def _instruction_after(frame: FrameType) -> str:
    from dis import get_instructions

    for each in get_instructions(frame.f_code):
        if each.offset > frame.f_lasti and each.opname not in _SAYS_NOTHING:
            return each.opname
    return ""


def _offset(frame: FrameType) -> int:
    """Find the instruction that a frame has come to; Python 3.11 points at its end."""
    from dis import get_instructions

    offsets = [each.offset for each in get_instructions(frame.f_code) if each.opname != "CACHE"]
    return max((offset for offset in offsets if offset <= frame.f_lasti), default=-1)


def _last_instruction(frame: Optional[FrameType]) -> str:
    if frame is None or frame.f_lasti < 0:
        return ""
    from opcode import opname

    return opname[frame.f_code.co_code[frame.f_lasti]]


def _exit_argument(held: List[Held]) -> Outcome:
    """Tell what the main program gave to the exit that it ended by, where its code says so."""
    if not held:
        return Outcome(None, UNSEEN)
    top = held[0][0]
    end = _offset(top)
    if _last_instruction(top) == "RAISE_VARARGS":
        name, offset, _ = _before(top, end)
        return _value(held, offset if name.startswith("CALL") else end)
    return _value(held, end, calls_only=True)


def _returned(held: List[Held]) -> Outcome:
    """Tell what a function that has ended returned."""
    if not held or not _last_instruction(held[0][0]).startswith("RETURN_"):
        return Outcome(None, UNSEEN)
    return _value(held, _offset(held[0][0]))


def _value(held: List[Held], end: int, *, calls_only: bool = False) -> Outcome:
    """Tell the value that the instruction at `end` of the first frame takes."""
    frame, called_at = held[0]
    name, offset, argument = _before(frame, end)
    if name.startswith("CALL") and offset == called_at:
        return _returned(held[1:])
    if calls_only:
        return Outcome(None, UNSEEN)
    if name == "LOAD_NAME" and argument == "SystemExit":  # without an argument
        return Outcome(0)
    if name.endswith("_CONST"):
        return Outcome.of_status(argument)
    variables = frame.f_locals
    if name in ("LOAD_FAST", "LOAD_NAME") and argument in variables:
        return Outcome.of_status(variables[argument])
    return Outcome(None, UNSEEN)


def _before(frame: FrameType, end: int) -> Tuple[str, int, Any]:
    """Find the instruction that puts the value there which the one at `end` takes."""
    from dis import get_instructions

    before: Tuple[str, int, Any] = ("", -1, None)
    for each in get_instructions(frame.f_code):
        if each.offset >= end:
            return (each.opname, each.offset, each.argval) if "T_CONST" in each.opname else before
        if each.opname not in _SAYS_NOTHING:
            before = each.opname, each.offset, each.argval
    return before


def _text(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # a class of the user's; whatever it does, the kind is known
        text = ""
    return _bounded("{}: {}".format(kind, text) if text else kind)


def _bounded(text: str) -> str:
    return text if len(text) <= _LONGEST_ERROR else text[:_LONGEST_ERROR] + " ..."
