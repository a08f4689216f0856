"""The package is built in floors: each part imports only from those below it, without circles.

The order stands in docs/ARCHITECTURE.md, which is read here.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import course_utils as cu
from tests.support.paths import ROOT

PACKAGE = Path(cu.__file__).parent
MAY_IMPORT_THE_PRACTICE_HUB = {"session", "cli"}


def floors(page: str) -> list[str]:
    """The parts in their order: those that a numbered line names before its colon."""
    lines = re.findall(r"^\d+\. (.+?):", page, flags=re.MULTILINE)
    return [part for line in lines for part in re.findall(r"`(\w+)`", line)]


ORDER = floors((ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, modules: set[str]) -> Iterator[str]:
    """Modules that a file imports anywhere, inside functions too; not those for type hints only."""
    tree = ast.parse(source)
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "imports are written out"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module


def graph(package: Path) -> dict[str, set[str]]:
    """Each module of a package, and the modules of ours that it imports."""
    paths = {module_name(path, package): path for path in package.rglob("*.py")}
    roots = ("course_utils", "practice_hub")
    return {
        name: {
            used
            for used in imports_of(path.read_text(encoding="utf-8"), set(paths))
            if used.split(".")[0] in roots
        }
        for name, path in paths.items()
    }


def part_of(module: str) -> str:
    """The file or folder right below ``course_utils`` that a module belongs to; "" for itself."""
    return module.split(".")[1] if "." in module else ""


def imports_upward(found: dict[str, set[str]], order: list[str]) -> list[tuple[str, str]]:
    """Pairs (module, what it imports) in which the second does not stand below the first."""
    return sorted(
        (module, used)
        for module, all_used in found.items()
        for used in all_used
        if module != "course_utils" and used.startswith("course_utils.")
        if part_of(module) != part_of(used)
        if order.index(part_of(module)) < order.index(part_of(used))
    )


def test_the_page_names_every_part_of_the_package_and_no_other():
    parts = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert sorted(ORDER) == sorted(parts - {"__init__"})


def test_every_import_goes_down():
    assert imports_upward(graph(PACKAGE), ORDER) == []


def test_an_import_upward_is_found():
    found = {"course_utils.units": {"course_utils.fit"}, "course_utils.fit": {"course_utils.units"}}
    assert imports_upward(found, ORDER) == [("course_utils.units", "course_utils.fit")]


@pytest.mark.parametrize("package", ["course_utils", "practice_hub"])
def test_there_are_no_circles_between_files(package):
    graphlib.TopologicalSorter(graph(ROOT / package)).prepare()


def test_the_practice_hub_is_imported_where_sessions_start_and_nowhere_else():
    users = {
        part_of(module)
        for module, used in graph(PACKAGE).items()
        if any(name.split(".")[0] == "practice_hub" for name in used)
    }
    assert users <= MAY_IMPORT_THE_PRACTICE_HUB


def test_the_practice_hub_knows_nothing_of_the_package():
    for module, used in graph(ROOT / "practice_hub").items():
        assert not any(name.startswith("course_utils") for name in used), module


def test_notebooks_use_only_what_the_package_hands_on():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            source = "\n".join(line for line in cell.source.splitlines() if line[:1] not in "!%")
            tree = ast.parse(source)
            used = {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "cu"
            }
            assert used <= set(cu.__all__), (path.name, used - set(cu.__all__))
            others = [ast.unparse(node) for node in ast.walk(tree) if is_deeper_import(node)]
            assert not others, (path.name, others)


def is_deeper_import(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in ("course_utils", "practice_hub")
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    return any(name.startswith(("course_utils.", "practice_hub")) for name in names)
