"""``make test-colab``: notebooks on Colab's versions, from nothing but the ``.ipynb``.

A fresh virtual environment gets the versions of Colab's image. Each notebook is run alone in an
empty folder, in a kernel that looks like Colab; its install cell fetches the package from a git
repository made of this working tree. The notebook must run to its end, and none of Colab's versions
may have moved.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from course_utils.curriculum import MANIFEST, Curriculum, Lesson, read
from tools import colab_stand_in, torch_build
from tools.colab_versions import COLAB
from tools.notebooks import ROOT, chosen, execute, install_cell, path_of

REF = "colab-check"
GIT = ("git", "-c", "user.name=course", "-c", "user.email=course@example.org")


def main(numbers: list[str]) -> int:
    course = read(MANIFEST)
    with tempfile.TemporaryDirectory(prefix="colab-") as name:
        folder = Path(name)
        source = publish(folder / "published")
        published = dataclasses.replace(course, repository=source, ref=REF)
        python = make_environment(folder / "venv")
        kernel = make_kernel(folder, python)
        before = versions(python)
        for lesson in chosen(course, numbers):
            run_alone(lesson, published, kernel, folder / lesson.name)
            check_versions(before, versions(python))
            restore(python, before)
    return 0


def publish(folder: Path) -> str:
    """A git repository of this working tree as it is, tagged; returns its address."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for path in filter(None, listed.split("\0")):
        if (ROOT / path).is_file():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["commit", "-qm", "As it is"],
        ["tag", REF],
    ):
        subprocess.run([*GIT, *command], cwd=folder, check=True)
    return folder.as_uri()


def make_environment(folder: Path) -> Path:
    """A virtual environment with Colab's versions; returns its Python."""
    print("Installing Colab's versions into a fresh environment", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pins = [f"{name}=={version}" for name, version in COLAB.items()]
    build = torch_build.choose().options
    pip(python, "install", "torch", *pins, "--constraint", torch_constraint(folder), *build)
    return python


def torch_constraint(folder: Path) -> str:
    """A constraints file with the torch line alone: the others are not Colab's."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    path = folder / "torch.txt"
    path.write_text("\n".join(line for line in lines if line.startswith("torch==")))
    return str(path)


def make_kernel(folder: Path, python: Path) -> str:
    """A kernel of that environment whose start-up installs the stand-in; returns its name."""
    startup = folder / "startup.py"
    startup.write_text(Path(colab_stand_in.__file__).read_text() + "\ninstall()\n")
    command = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    command += [f"--IPKernelApp.exec_files={startup}"]
    specification = {
        "argv": [str(part) for part in command],
        "display_name": "Like Colab",
        "language": "python",
        "env": {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""},
    }
    place = folder / "jupyter" / "kernels" / "like-colab"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(specification))
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    return "like-colab"


def run_alone(lesson: Lesson, published: Curriculum, kernel: str, folder: Path) -> None:
    folder.mkdir()
    notebook = nbformat.read(path_of(lesson), as_version=4)
    notebook.cells[1].source = install_cell(published)
    began = time.monotonic()
    execute(notebook, kernel, folder)
    print(f"{lesson.name}: ran to its end in {time.monotonic() - began:.0f} s", flush=True)


def check_versions(before: dict[str, str], after: dict[str, str]) -> None:
    moved = {name: (old, after.get(name)) for name, old in before.items() if after.get(name) != old}
    if moved:
        raise SystemExit(f"The install cell moved versions: {moved}")
    added = sorted(set(after) - set(before))
    print(f"None of {len(before)} versions moved; added: {', '.join(added)}", flush=True)


def restore(python: Path, before: dict[str, str]) -> None:
    """Take away what the install cell added, so that the next notebook starts as this one did."""
    added = sorted(set(versions(python)) - set(before))
    pip(python, "uninstall", "--yes", *added)


def versions(python: Path) -> dict[str, str]:
    listed = pip(python, "list", "--format", "json", quiet=False)
    return {package["name"]: package["version"] for package in json.loads(listed)}


def pip(python: Path, *arguments: str, quiet: bool = True) -> str:
    options = ["--disable-pip-version-check", *(["--quiet"] if quiet else [])]
    command = [python, "-m", "pip", *options, *arguments]
    # Not from the checkout: there pip would take the package's own metadata for an installed one.
    place = python.parent
    return subprocess.run(command, cwd=place, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
