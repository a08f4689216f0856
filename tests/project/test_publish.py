"""The publishing workflow, run step by step on a copy of this checkout: only ``gh`` stands in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from course_utils.curriculum import read
from tests.support.paths import ROOT
from tools.colab_check import publish

WORKFLOW = ROOT / ".github" / "workflows" / "publish.yml"
ADDRESS = "someone/the-course"


def first_push(folder: Path) -> tuple[Path, Path]:
    """A checkout as a workflow finds it, and the repository that it was pushed to."""
    published = publish(folder / "source").removeprefix("file://")
    origin, checkout = folder / "origin.git", folder / "checkout"
    subprocess.run(["git", "clone", "-q", "--bare", published, origin], check=True)
    subprocess.run(["git", "clone", "-q", origin, checkout], check=True)
    (checkout / ".venv").symlink_to(sys.prefix)
    for name in ("pyproject.toml", "constraints.txt"):  # older than what is installed
        os.utime(checkout / name, (0, 0))
    return checkout, origin


def run_steps(checkout: Path, folder: Path) -> list[str]:
    """The steps that ran; the environment is what GitHub gives them."""
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["address"]
    outputs = folder / "outputs"
    outputs.write_text("")
    (folder / "bin").mkdir(exist_ok=True)
    gh = folder / "bin" / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >>"$GH_CALLS"\n')
    gh.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
        "GH_CALLS": str(folder / "gh_calls"),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_REPOSITORY": ADDRESS,
        "GITHUB_REF_NAME": "main",
        "BRANCH": job["env"]["BRANCH"],
    }
    ran = []
    for step in job["steps"]:
        if "run" not in step or ("if" in step and "missing=true" not in outputs.read_text()):
            continue
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        ran.append(step["name"])
    return ran


def test_the_first_push_opens_a_pull_request_with_the_address_and_the_next_does_nothing(tmp_path):
    checkout, origin = first_push(tmp_path)
    assert run_steps(checkout, tmp_path) == [
        "Is there an address already?",
        "Write the address",
        "Open a pull request",
    ]
    assert "pr create --base main --head publish-address" in (tmp_path / "gh_calls").read_text()

    proposed = tmp_path / "proposed"
    clone = ["git", "clone", "-q", "--branch", "publish-address", origin, proposed]
    subprocess.run(clone, check=True)
    course = read(proposed / "course_utils" / "curriculum.toml")
    assert course.repository == ADDRESS
    for lesson in course.lessons:
        text = (proposed / "notebooks" / f"{lesson.name}.ipynb").read_text(encoding="utf-8")
        assert f"github/{ADDRESS}/blob/{course.ref}/notebooks/{lesson.name}.ipynb" in text
        assert f"git+https://github.com/{ADDRESS}@{course.ref}" in text

    again = tmp_path / "again"
    subprocess.run(["git", "clone", "-q", "--branch", "main", origin, again], check=True)
    assert run_steps(again, tmp_path) == ["Is there an address already?"]
