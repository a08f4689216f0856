"""The package is built in floors: no circles, and nothing below leans on what stands on top."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import nbformat

import course_utils as cu

PACKAGE = Path(cu.__file__).parent
TOP = {"exercises", "widgets"}


def room_of(name: str) -> str:
    """The first part below ``course_utils``; a subpackage counts as one."""
    return name.split(".")[1] if "." in name else ""


def imports_of(path: Path) -> set[str]:
    """Rooms that a file imports anywhere, inside functions too; not those for type hints only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "course_utils":
            found |= {f"course_utils.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in ("course_utils", "practice_hub")}


def graph() -> dict[str, set[str]]:
    rooms: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts == ("__init__",):
            continue
        used = {room_of(name) for name in imports_of(path) if name.startswith("course_utils.")}
        rooms.setdefault(parts[0], set()).update(used - {parts[0], ""})
    return rooms


def test_there_are_no_circles():
    graphlib.TopologicalSorter(graph()).prepare()


def test_nothing_below_imports_exercises_or_widgets():
    below = {room: used for room, used in graph().items() if room not in TOP}
    assert not {room: used & TOP for room, used in below.items() if used & TOP}


def test_the_practice_hub_is_imported_where_sessions_start_and_nowhere_else():
    users = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "practice_hub" for name in imports_of(path))
    }
    assert users <= {"session", "cli.py"}


def test_the_practice_hub_knows_nothing_of_the_package():
    for path in (PACKAGE.parent / "practice_hub").rglob("*.py"):
        assert not any(name.startswith("course_utils") for name in imports_of(path)), path


def test_notebooks_use_only_what_the_package_hands_on():
    for path in sorted((PACKAGE.parent / "notebooks").glob("*.ipynb")):
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
