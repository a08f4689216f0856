"""An error that a learner can act on: a message with the next step in it, and no traceback."""

from __future__ import annotations


class CourseError(Exception):
    """Raised by ``course_utils`` for what the learner can mend. Notebooks show only its message."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks an exception for this before it prints the stack.
        return [str(self)]
