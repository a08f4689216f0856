"""What a model takes in memory: predicted from its config and headers, measured once loaded."""

from course_utils.memory.cannot_tell import CannotTell
from course_utils.memory.estimate import MemoryEstimate, estimate_memory, quick_estimate
from course_utils.memory.measure import MemoryMeasurement, measure_memory
from course_utils.memory.overhead import Range

__all__ = [
    "CannotTell",
    "MemoryEstimate",
    "MemoryMeasurement",
    "Range",
    "estimate_memory",
    "measure_memory",
    "quick_estimate",
]
