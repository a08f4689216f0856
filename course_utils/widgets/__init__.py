"""Widgets: each draws what the functions of this package return, and knows nothing of its own."""

from course_utils.widgets.fit_explorer import FitExplorer
from course_utils.widgets.license_check import LicenseCheck
from course_utils.widgets.vram_gauge import VRAMGauge

__all__ = ["FitExplorer", "LicenseCheck", "VRAMGauge"]
