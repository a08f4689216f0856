"""What a model takes in memory: predicted from its config and headers, measured once loaded."""

from course_utils.errors import CannotTell
from course_utils.memory.activations import Range
from course_utils.memory.checkpoint import StoredModel, read_stored
from course_utils.memory.estimate import MemoryEstimate, estimate_memory, quick_estimate
from course_utils.memory.measure import MemoryMeasurement, measure_memory

__all__ = [
    "CannotTell",
    "MemoryEstimate",
    "MemoryMeasurement",
    "Range",
    "StoredModel",
    "estimate_memory",
    "measure_memory",
    "quick_estimate",
    "read_stored",
]
