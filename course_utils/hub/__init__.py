"""Asking the Hub: its client within a time limit, and ``check_access``."""

from course_utils.hub.access import AccessReport, check_access

__all__ = ["AccessReport", "check_access"]
