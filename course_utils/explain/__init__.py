"""``explain_error()``: what an error means, what to do first, and which notebook teaches it."""

from __future__ import annotations

import sys

from course_utils.errors import CourseError
from course_utils.explain import explanation
from course_utils.explain.explanation import Explanation
from course_utils.explain.failures import failures
from course_utils.explain.trace import Trace, of_exception, of_text

__all__ = ["Explanation", "explain_error"]


def explain_error(error: BaseException | str | None = None) -> Explanation:
    """Explain an error of this field: memory, gates, tokens, 4 bits, files, the network.

    Args:
        error: an exception, or a traceback as text, from a notebook, a terminal or a log; None for
            the exception that is being handled, or else the last one that this kernel has shown.

    Raises:
        CourseError: nothing has failed here yet, or ``error`` is neither of the two.
    """
    trace = _trace(_last() if error is None else error)
    match = failures().best(trace)
    return explanation.unknown(trace) if match is None else explanation.known(match, trace)


def _trace(error: object) -> Trace:
    if isinstance(error, BaseException):
        return of_exception(error)
    if isinstance(error, str):
        trace = of_text(error)
        if trace.links:
            return trace
        raise CourseError("The text is empty. Paste the whole traceback, from its first line.")
    raise CourseError(
        f"cu.explain_error() takes an exception or a traceback as text, not {type(error).__name__}."
    )


def _last() -> BaseException:
    """What is being handled now, else what this Python has shown last."""
    error = sys.exception() or getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if isinstance(error, BaseException):
        return error
    raise CourseError(
        "Nothing has gone wrong in this kernel yet. Give me an exception, or a traceback as text: "
        'cu.explain_error("""…""").'
    )
