"""A pytest plugin: each failure as one line of JSON, into the file that ``FAILURES`` names."""

from __future__ import annotations

import json
import os
import re

import pytest

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    write(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    write(report)


def write(report: pytest.TestReport | pytest.CollectReport) -> None:
    # A worker of pytest-xdist hands its reports to the one process that collects them.
    if not report.failed or "PYTEST_XDIST_WORKER" in os.environ:
        return
    failure = {"test": report.nodeid, "told": COLOURS.sub("", report.longreprtext)}
    with open(os.environ["FAILURES"], "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps(failure) + "\n")
