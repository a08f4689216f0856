"""One set of packages, three files: pyproject.toml, environment.yml, constraints.txt."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMED = {
    "accelerate",
    "bitsandbytes",
    "huggingface_hub",
    "ipywidgets",
    "jupyter",
    "nbval",
    "torch",
    "transformers",
}
HEAVY = ("torch", "transformers", "huggingface_hub", "ipywidgets", "pandas", "matplotlib")


def required() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *(line for lines in extras.values() for line in lines)]


def test_conda_environment_is_the_projects_set():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip_section,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    options = [line for line in pip_section if line.startswith("-")]
    assert options == ["-c constraints.txt", "-e ."]
    assert sorted(set(pip_section) - set(options)) == sorted(required())
    (python,) = [part for part in environment["dependencies"] if str(part).startswith("python")]
    assert python == "python" + PROJECT["requires-python"]


def test_the_package_declares_floors_only_and_names_what_it_should():
    requirements = [Requirement(line) for line in required()]
    assert all([part.operator for part in line.specifier] == [">="] for line in requirements)
    assert {line.name for line in requirements} >= NAMED


def test_constraints_pin_every_requirement_within_its_floor():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = dict(re.fullmatch(r"([\w.-]+)==(\S+)", line).groups() for line in lines[1:])
    normal = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    for line in required():
        requirement = Requirement(line)
        version = normal[re.sub(r"[-_.]+", "-", requirement.name).lower()]
        assert requirement.specifier.contains(version), line


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def test_ci_runs_the_oldest_python_and_colabs_with_both_builds_of_torch():
    matrix = workflow("test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert f">={matrix['python'][0]}" == PROJECT["requires-python"]
    assert "3.13" in matrix["python"]
    assert matrix["torch"] == ["cpu", "cuda"]


def test_other_versions_are_tried_weekly_and_block_nobody():
    weekly = workflow("other_versions.yml")
    assert set(weekly[True]) == {"schedule", "workflow_dispatch"}  # YAML reads "on" as true
    targets = (ROOT / "Makefile").read_text()
    for versions in weekly["jobs"]["check"]["strategy"]["matrix"]["versions"]:
        assert f"\ntest-{versions}: ##" in targets


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, course_utils; print([m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_pin_installs_on_the_oldest_python_that_is_promised():
    oldest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    for distribution in metadata.distributions():
        needed = distribution.metadata.get("Requires-Python")
        assert not needed or oldest in SpecifierSet(needed), (distribution.name, needed)
