"""Lessons → notebooks: text in, executed and normalized ``.ipynb`` out.

    python -m tools.notebooks build [NN …]       execute and write
    python -m tools.notebooks badges OWNER/NAME REF

``lessons/NN_topic.md`` holds what a person writes. Title block, badge, install cell, start cell and
footer come from the manifest. ``compose`` gives the whole notebook without outputs; the parity test
holds the saved notebooks to it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.curriculum import MANIFEST, Curriculum, Lesson, read

ROOT = Path(__file__).parent.parent
LESSONS = ROOT / "lessons"
NOTEBOOKS = ROOT / "notebooks"
PLACEHOLDER = "OWNER/REPOSITORY"
CELL_SECONDS = 600
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def compose(lesson: Lesson, course: Curriculum) -> NotebookNode:
    """The lesson's notebook, not executed."""
    text = (LESSONS / f"{lesson.name}.md").read_text(encoding="utf-8")
    written = jupytext.reads(text, fmt="md").cells
    start = "cu.start()" if lesson.hub == "auto" else f'cu.start("{lesson.hub}")'
    cells = [
        new_markdown_cell(title_block(lesson, course)),
        new_code_cell(install_cell(course)),
        new_code_cell(
            f"import course_utils as cu\n\n{start}",
            metadata={"tags": ["nbval-ignore-output"]},
        ),
        *written,
        new_markdown_cell(footer(lesson, course)),
    ]
    for place, cell in enumerate(cells):
        cell.id = hashlib.sha1(f"{lesson.name}/{place}".encode()).hexdigest()[:8]
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return new_notebook(cells=cells, metadata=metadata)


def title_block(lesson: Lesson, course: Curriculum) -> str:
    objectives = "\n".join(f"- {objective}" for objective in lesson.objectives)
    kind = "core" if lesson.core else "extra"
    return f"""# {lesson.number} · {lesson.title}

{badge(lesson, course)}{lesson.why}

**{lesson.minutes} minutes, {kind}.** You need: {lesson.needs}

At the end you can

{objectives}"""


def badge(lesson: Lesson, course: Curriculum) -> str:
    """A paragraph; nothing where the copy has no address yet."""
    if course.repository == PLACEHOLDER:
        return ""
    if "://" in course.repository:
        return f"*From {course.repository} at {course.ref}.*\n\n"
    place = f"{course.repository}/blob/{course.ref}/notebooks/{lesson.name}.ipynb"
    colab = "https://colab.research.google.com"
    return f"[![Open in Colab]({colab}/assets/colab-badge.svg)]({colab}/github/{place})\n\n"


def install_cell(course: Curriculum) -> str:
    """The same in every notebook. It acts on Colab only, and never names a version."""
    if course.repository == PLACEHOLDER:
        action = '    raise SystemExit("Open this notebook by the badge of a published copy.")'
    else:
        address = course.repository
        if "://" not in address:
            address = f"https://github.com/{address}"
        # pip takes no name, and so no extra, before the address of a file.
        name = "" if address.startswith("file:") else "hub-and-heavyweights[models] @ "
        action = f'    %pip install --quiet "{name}git+{address}@{course.ref}"'
    return f'import sys\nif "google.colab" in sys.modules:\n{action}'


def footer(lesson: Lesson, course: Curriculum) -> str:
    place = course.lessons.index(lesson)
    if place + 1 == len(course.lessons):
        return "---\n\nThis is the last notebook so far."
    following = course.lessons[place + 1]
    return f"---\n\nNext: [{following.number} · {following.title}]({following.name}.ipynb)"


def execute(notebook: NotebookNode, kernel: str = "python3", folder: Path = NOTEBOOKS) -> None:
    """Run every cell on a fresh practice Hub, in a kernel of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {
            **os.environ,
            "COURSE_HUB": "practice",
            "PRACTICE_HUB_AUTO_APPROVE": "1",  # nobody is here to click
            "COURSE_PROGRESS": str(Path(scratch) / "progress.json"),
            "IPYTHONDIR": scratch,
        }
        for name in ("PRACTICE_HUB_URL", "JPY_SESSION_NAME"):  # of a Jupyter that builds
            environment.pop(name, None)
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name=kernel,
            resources={"metadata": {"path": str(folder)}},
        )
        client.execute(env=environment)


def normalize(notebook: NotebookNode) -> None:
    """Keep what teaches; drop what only this run could have written."""
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    count = 0
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if cell.cell_type != "code":
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = joined([output for output in cell.outputs if not is_progress_bar(output)])
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count
            if "metadata" in output:
                output.metadata = NotebookNode()
            output.get("data", {}).pop(WIDGET_VIEW, None)


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What a cell printed in pieces (a bar stood between them) is one text again."""
    whole: list[NotebookNode] = []
    for output in outputs:
        name = output.get("name")
        if whole and name and name == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def is_progress_bar(output: NotebookNode) -> bool:
    """A bar is for the one who waits; saved, it would stand at 0 % for ever."""
    data = output.get("data", {})
    return WIDGET_VIEW in data and re.search(r"\d+%\|", data.get("text/plain", "")) is not None


def source_of(notebook: NotebookNode) -> list[tuple[str, str, str, list[str]]]:
    """What a person wrote: id, type, text and tags of every cell."""
    return [
        (cell.id, cell.cell_type, cell.source, list(cell.metadata.get("tags", [])))
        for cell in notebook.cells
    ]


def path_of(lesson: Lesson) -> Path:
    return NOTEBOOKS / f"{lesson.name}.ipynb"


def chosen(course: Curriculum, numbers: list[str]) -> list[Lesson]:
    unknown = set(numbers) - {lesson.number for lesson in course.lessons}
    if unknown:
        raise SystemExit(f"No such lesson: {', '.join(sorted(unknown))}")
    return [lesson for lesson in course.lessons if not numbers or lesson.number in numbers]


def build(numbers: list[str]) -> None:
    course = read(MANIFEST)
    for lesson in chosen(course, numbers):
        print(f"{lesson.name}: running", flush=True)
        notebook = compose(lesson, course)
        execute(notebook)
        normalize(notebook)
        nbformat.validate(notebook)
        nbformat.write(notebook, path_of(lesson))
        print(f"{lesson.name}: {len(notebook.cells)} cells written", flush=True)


def set_badges(repository: str, ref: str) -> None:
    """Write the address into the manifest, and into the notebooks without running them again."""
    repository = re.sub(r"^https://github\.com/|(\.git)?/*$", "", repository)
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]*\w|(https|file)://[\w./:~-]+", repository, re.ASCII):
        raise SystemExit("Say where the course lives: make badges REPOSITORY=owner/name REF=tag")
    if not re.fullmatch(r"\w[\w./-]*", ref, re.ASCII):
        raise SystemExit(f"{ref!r} is not the name of a tag or branch.")
    course = dataclasses.replace(read(MANIFEST), repository=repository, ref=ref)
    rewritten = [(path_of(lesson), with_sources(lesson, course)) for lesson in course.lessons]
    text = MANIFEST.read_text(encoding="utf-8")
    for key, value in (("repository", repository), ("ref", ref)):
        text = re.sub(rf'^{key} = ".*"$', f'{key} = "{value}"', text, count=1, flags=re.MULTILINE)
    MANIFEST.write_text(text, encoding="utf-8")
    for path, notebook in rewritten:
        nbformat.write(notebook, path)
    print(f"{len(rewritten)} notebooks now name {repository} at {ref}.")


def with_sources(lesson: Lesson, course: Curriculum) -> NotebookNode:
    """The saved notebook with its cells as they would be written now, outputs kept."""
    try:
        saved = nbformat.read(path_of(lesson), as_version=4)
        for old, new in zip(saved.cells, compose(lesson, course).cells, strict=True):
            old.source = new.source
    except (OSError, ValueError) as error:
        command = f"make notebooks NOTEBOOKS={lesson.number}"
        raise SystemExit(f"{lesson.name} is not up to date ({error}). First: {command}") from None
    return saved


def main(arguments: list[str]) -> None:
    match arguments:
        case ["build", *numbers]:
            build(numbers)
        case ["badges", repository, ref]:
            set_badges(repository, ref)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
