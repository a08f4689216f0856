"""Helpers of the course "The Hub and the Heavyweights": ``import course_utils as cu``.

They look things up, predict, measure, draw and explain; the Hugging Face calls stay in the cells.
"""

from course_utils.cards import CardReport, read_card
from course_utils.drawings import Picture, draw_hits, draw_memory, pictures, show_picture
from course_utils.errors import CourseError
from course_utils.exercises import (
    YOUR_ANSWER,
    check_answer,
    hint,
    merge_progress,
    progress,
    solution,
)
from course_utils.explain import Explanation, explain_error
from course_utils.explain.notice import show_under_tracebacks
from course_utils.find import FoundModel, Models, find_models
from course_utils.fit import FitTable, ways_to_fit
from course_utils.gpus import GPUS, Device, Gpu, current_device
from course_utils.help_desk import HELP_DESK
from course_utils.hub.access import AccessReport, check_access
from course_utils.licenses import LicenseReport, check_license
from course_utils.memory import (
    CannotTell,
    MemoryEstimate,
    MemoryMeasurement,
    estimate_memory,
    measure_memory,
)
from course_utils.quality import hits, perplexity, same_neighbours
from course_utils.serving import local_server
from course_utils.session import MODELS, Session, after_start, start
from course_utils.widgets import FitExplorer, LicenseCheck, VRAMGauge

__all__ = [
    "GPUS",
    "HELP_DESK",
    "MODELS",
    "YOUR_ANSWER",
    "AccessReport",
    "CannotTell",
    "CardReport",
    "CourseError",
    "Device",
    "Explanation",
    "FitExplorer",
    "FitTable",
    "FoundModel",
    "Gpu",
    "LicenseCheck",
    "LicenseReport",
    "MemoryEstimate",
    "MemoryMeasurement",
    "Models",
    "Picture",
    "Session",
    "VRAMGauge",
    "check_access",
    "check_answer",
    "check_license",
    "current_device",
    "draw_hits",
    "draw_memory",
    "estimate_memory",
    "explain_error",
    "find_models",
    "hint",
    "hits",
    "local_server",
    "measure_memory",
    "merge_progress",
    "perplexity",
    "pictures",
    "progress",
    "read_card",
    "same_neighbours",
    "show_picture",
    "solution",
    "start",
    "ways_to_fit",
]

after_start.append(show_under_tracebacks)
__version__ = "0.1.0"
