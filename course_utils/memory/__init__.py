"""What a model takes in memory: predicted from its config and headers, measured once loaded."""

from course_utils.errors import CannotTell
from course_utils.memory.checkpoint import Checkpoint, read_checkpoint
from course_utils.memory.estimate import MemoryEstimate, estimate_memory
from course_utils.memory.measure import MemoryMeasurement, measure_memory
from course_utils.memory.ranges import Range
from course_utils.memory.recorded import RecordedRuns, recorded_runs

__all__ = [
    "CannotTell",
    "Checkpoint",
    "MemoryEstimate",
    "MemoryMeasurement",
    "Range",
    "RecordedRuns",
    "estimate_memory",
    "measure_memory",
    "read_checkpoint",
    "recorded_runs",
]
