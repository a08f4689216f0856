"""Helpers of the course "The Hub and the Heavyweights": ``import course_utils as cu``.

They look things up, predict, measure, draw and explain; the Hugging Face calls stay in the cells.
"""

from course_utils.course_error import CourseError
from course_utils.exercises import (
    YOUR_ANSWER,
    check_answer,
    hint,
    merge_progress,
    progress,
    solution,
)
from course_utils.gpus import Device, current_device
from course_utils.session import MODELS, Session, start

__all__ = [
    "MODELS",
    "CourseError",
    "Device",
    "Session",
    "current_device",
    "start",
    "YOUR_ANSWER",
    "check_answer",
    "hint",
    "merge_progress",
    "progress",
    "solution",
]
__version__ = "0.1.0"
