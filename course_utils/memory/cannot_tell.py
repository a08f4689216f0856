"""What ``estimate_memory`` says instead of a number."""

from __future__ import annotations

from course_utils.course_error import CourseError


class CannotTell(CourseError):
    """A model that cannot be sized, with the reason and what to do instead."""

    def __init__(self, model: str, reason: str) -> None:
        self.model = model
        self.reason = reason
        super().__init__(f"Cannot tell what {model} needs: {reason}")
