"""``make test-newest`` and ``make test-floors``: the course on other versions than its pins.

An environment of its own gets the newest packages, or Colab's. Notebooks, claims and contract tests
run there. What differs is run again with one library after the other put back to its pin: the one
that mends it is the one that moved. The report says so, sentence by sentence and cell by cell.

    python -m tools.version_check newest|floors [pytest's arguments …]

Runs before anything is installed: standard library only.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import torch_build
from tools.colab_versions import COLAB
from tools.differences import ROOT, Difference, differences

EXTRAS = ".[lab,test,author,models]"
PATHS = ("notebooks", "tests/lessons", "tests/practice_hub/test_contract.py")
CONSTRAINTS = ROOT / "constraints.txt"
# ipywidgets 7 sets no upper bound to its JupyterLab extension, and from 3 on that speaks to 8 only.
EXTENSION_OF_IPYWIDGETS_7 = "jupyterlab_widgets<3"


@dataclass(frozen=True)
class Moved:
    """A package whose version here is not the pinned one."""

    name: str
    pinned: str
    here: str

    def __str__(self) -> str:
        return f"{self.name} {self.pinned} → {self.here}"


@dataclass(frozen=True)
class Environment:
    """A virtual environment, the checkout whose tests it runs, and how many at once."""

    folder: Path
    root: Path = ROOT
    workers: int = 2

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def pip(self, *arguments: str) -> str:
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def versions(self) -> dict[str, str]:
        listed = json.loads(self.pip("list", "--format", "json"))
        return {normal(one["name"]): one["version"] for one in listed}

    def run(self, tests: Sequence[str], before: Path | None = None) -> list[Difference]:
        """Run these tests; packages in the folder ``before`` come before the environment's own."""
        places = [*([str(before)] if before else []), str(ROOT), os.environ.get("PYTHONPATH", "")]
        with tempfile.TemporaryDirectory(prefix="failures-") as name:
            failures = Path(name) / "failures.jsonl"
            environment = {
                **without_xdist(os.environ),
                "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": os.pathsep.join(filter(None, places)),
                "FAILURES": str(failures),
            }
            command = [str(self.python), "-m", "pytest", "-q", "-n", str(self.workers)]
            command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(self.root)]
            command += ["-p", "tools.failures_to_json", "--continue-on-collection-errors"]
            finished = subprocess.run(
                [*command, *tests], cwd=self.root, env=environment, stdout=sys.stderr
            )
            if finished.returncode not in (0, 1) and not failures.exists():
                raise SystemExit(f"pytest ended with {finished.returncode} and ran nothing.")
            return differences(failures, self.root)


def without_xdist(variables: Mapping[str, str]) -> dict[str, str]:
    """Not those by which a test of this tool, itself run by a worker, would make workers of all."""
    return {name: value for name, value in variables.items() if "XDIST" not in name}


def newest(folder: Path) -> Environment:
    """Every package as new as pip finds it."""
    choice = torch_build.choose()
    say(choice.words)
    environment = make(folder)
    upgraded = ["--upgrade", "--upgrade-strategy", "eager"]
    environment.pip("install", "--quiet", *upgraded, "--editable", EXTRAS, *choice.options)
    return environment


def floors(folder: Path) -> Environment:
    """Colab's versions; torch, which Colab builds for itself, at its pin."""
    choice = torch_build.choose()
    say(choice.words)
    environment = make(folder)
    pins = [f"{name}=={version}" for name, version in COLAB.items()]
    pins += [EXTENSION_OF_IPYWIDGETS_7, f"torch=={torch_build.pinned_version()}"]
    environment.pip("install", "--quiet", *pins, "--editable", EXTRAS, *choice.options)
    return environment


SETS = {"newest": newest, "floors": floors}


def make(folder: Path) -> Environment:
    """The virtual environment, made anew if another Python made it."""
    made_by = folder / "pyvenv.cfg"
    same = made_by.exists() and f"version = {platform.python_version()}\n" in made_by.read_text()
    clear = [] if same else ["--clear"]
    subprocess.run([sys.executable, "-m", "venv", *clear, folder], check=True)
    return Environment(folder)


def moved_libraries(environment: Environment) -> list[Moved]:
    """Packages off their pins: first those that the course names, as it names them."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.M))
    here = environment.versions()
    moved = [
        Moved(name, pin, here[normal(name)])
        for name, pin in pins.items()
        if normal(name) in here and public(here[normal(name)]) != pin
    ]
    named = named_packages()
    # torch last: it takes longest to put back.
    return sorted(
        moved,
        key=lambda one: (normal(one.name) not in named, one.name == "torch", one.name.lower()),
    )


def named_packages() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normal(re.split(r"[\[>=<~! ]", line)[0]) for line in project["dependencies"]}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def public(version: str) -> str:
    """Without the mark of a local build: 2.13.0+cpu is 2.13.0."""
    return version.partition("+")[0]


def attributed(
    environment: Environment, found: list[Difference], moved: list[Moved]
) -> dict[Difference, str]:
    """For each difference the library that moved: the one whose pin mends it."""
    causes: dict[Difference, str] = {}
    pending = confirmed(environment, found, causes)
    for group in groups(moved):
        if not pending:
            break
        say(f"Put back: {', '.join(map(str, group))}")
        again = with_pins(environment, group, pending)
        if again is None:
            continue
        for one in [one for one in pending if one.test not in again]:
            name = ", ".join(map(str, group))
            causes[one] = name if len(group) == 1 else f"one of {name}, or several together"
            pending.remove(one)
    for one in pending:
        causes[one] = (
            "not told apart: it differs with every library back at its pin as well"
            if moved
            else "none: every library is at its pin"
        )
    return causes


def confirmed(
    environment: Environment, found: list[Difference], causes: dict[Difference, str]
) -> list[Difference]:
    """Those that differ a second time; of the others nobody can be named."""
    if not found:
        return []
    say("Once more, to see whether it stays so")
    again = {one.test for one in environment.run(runs_of(found))}
    for one in found:
        if one.test not in again:
            causes[one] = "none: it did not differ the second time"
    return [one for one in found if one.test in again]


def groups(moved: list[Moved]) -> Iterator[list[Moved]]:
    """One library the course names after the other, then all that moved together."""
    named = named_packages()
    for one in moved:
        if normal(one.name) in named:
            yield [one]
    if moved:
        yield moved


def with_pins(
    environment: Environment, group: list[Moved], pending: list[Difference]
) -> set[str] | None:
    """Tests that still fail with these libraries at their pins; None where pip has no such pins."""
    with tempfile.TemporaryDirectory(prefix="pins-") as name:
        pins = [f"{one.name}=={one.pinned}" for one in group]
        try:
            environment.pip("install", "--quiet", "--no-deps", "--target", name, *pins)
        except subprocess.CalledProcessError:
            say("pip could not put it back; going on without")
            return None
        return {one.test for one in environment.run(runs_of(pending), before=Path(name))}


def runs_of(found: list[Difference]) -> list[str]:
    return list(dict.fromkeys(one.runs_as for one in found))


def report(kind: str, moved: list[Moved], causes: dict[Difference, str]) -> str:
    """The report, in Markdown."""
    lines = [f"# The course on {'the newest versions' if kind == 'newest' else 'Colab’s versions'}"]
    if not causes:
        lines += ["", "Notebooks, claims and contract tests say the same as at the pins."]
    for one, cause in causes.items():
        first, *rest = one.subject.splitlines()
        lines += ["", f"## {first[0].upper()}{first[1:]}", *(["", *rest] if rest else [])]
        lines += [
            "",
            f"- library: {cause}",
            f"- test: `{one.test}`",
            "",
            "```text",
            one.told,
            "```",
        ]
    lines += ["", "| library | pinned | here |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.pinned} | {one.here} |" for one in moved]
    return "\n".join(lines)


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    match arguments:
        case [("newest" | "floors") as kind, *options]:
            pass
        case _:
            raise SystemExit(__doc__)
    folder = ROOT / f".venv-{kind}"
    say(f"Installing into {folder.name}")
    environment = SETS[kind](folder)
    moved = moved_libraries(environment)
    causes = attributed(environment, environment.run([*PATHS, *options]), moved)
    print(report(kind, moved, causes))
    return 1 if causes else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
