"""One line under a learner's traceback, where ``cu.explain_error()`` knows the error.

It stands inside of the error's own output, so a notebook gets no output more. Whatever fails here
leaves the traceback as it is.
"""

from __future__ import annotations

import sys
from typing import Any

from course_utils.errors import CourseError
from course_utils.explain.failures import failures
from course_utils.explain.trace import of_exception

LINE = "cu.explain_error() knows this one."


def show_under_tracebacks() -> None:
    """From now on, in IPython and notebooks; elsewhere, or called again, it changes nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    show = getattr(shell, "_showtraceback", None)  # made to be replaced: see IPython's docstring
    if show is None or getattr(show, "with_notice", False):
        return

    def show_with_notice(kind: type[BaseException], error: BaseException, lines: Any) -> None:
        show(kind, error, _with_notice(error, lines))

    show_with_notice.with_notice = True  # type: ignore[attr-defined]  # a mark for the next call
    setattr(shell, "_showtraceback", show_with_notice)  # noqa: B010  # the shell has no type


def _with_notice(error: BaseException, lines: Any) -> Any:
    try:
        return [*lines, "", LINE] if _is_known(error) else lines
    except Exception:  # the traceback matters more than this line
        return lines


def _is_known(error: BaseException) -> bool:
    """The course's own errors say what to do by themselves."""
    return not isinstance(error, CourseError) and failures().best(of_exception(error)) is not None
