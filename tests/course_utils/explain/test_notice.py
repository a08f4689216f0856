"""The line under a traceback: only where the error is known, and never in its way."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest
from IPython.core.interactiveshell import InteractiveShell

import course_utils as cu
from course_utils import session
from course_utils.explain import notice
from course_utils.explain.notice import LINE, show_under_tracebacks

KNOWN = "raise RuntimeError('CUDA out of memory')"


@pytest.fixture
def shell(monkeypatch):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.colors = "nocolor"
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    yield shell
    InteractiveShell.clear_instance()


def run(shell: InteractiveShell, code: str) -> str:
    with redirect_stdout(io.StringIO()) as shown:
        shell.run_cell(code)
    return shown.getvalue()


def test_start_asks_for_it():
    assert show_under_tracebacks in session.after_start


def test_it_stands_under_what_is_known_and_under_nothing_else(shell):
    before = run(shell, KNOWN)
    assert LINE not in before
    show_under_tracebacks()
    show_under_tracebacks()
    after = run(shell, KNOWN)
    assert after.count(LINE) == 1 and after.rstrip().endswith(LINE)
    assert "RuntimeError: CUDA out of memory" in after
    assert LINE not in run(shell, "{}['price']")
    assert LINE not in run(shell, "1 +")
    assert LINE not in run(shell, "print('fine')")


def test_it_is_what_explain_error_then_explains(shell):
    show_under_tracebacks()
    run(shell, KNOWN)
    shell.user_ns["cu"] = cu
    run(shell, "name = cu.explain_error().name")
    assert shell.user_ns["name"] == "gpu-memory-full"


def test_the_courses_own_errors_stay_one_sentence(shell):
    show_under_tracebacks()
    text = run(shell, "from course_utils import CourseError\nraise CourseError('Run it first.')")
    assert "Run it first." in text and LINE not in text


def test_where_it_fails_the_traceback_is_whole(shell, monkeypatch):
    plain = run(shell, KNOWN)
    show_under_tracebacks()

    def broken() -> None:
        raise OSError("the table is gone")

    monkeypatch.setattr(notice, "failures", broken)
    assert run(shell, KNOWN).count("\n") == plain.count("\n")


def test_without_a_shell_nothing_happens(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    show_under_tracebacks()


def test_a_notebook_gets_no_output_more(hub, monkeypatch, tmp_path):
    """The line stands in the error itself, so saved outputs compare as before."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    cells = [
        "import course_utils as cu\n_ = cu.start('practice')",
        KNOWN,
        "cu.explain_error().name",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, allow_errors=True, timeout=120).execute()
    raised, explained = book.cells[1].outputs, book.cells[2].outputs
    assert [output.output_type for output in raised] == ["error"]
    assert raised[0].traceback[-1] == LINE
    assert raised[0].ename == "RuntimeError" and raised[0].evalue == "CUDA out of memory"
    assert "gpu-memory-full" in explained[0].data["text/plain"]
