"""Where this kernel runs, in the words that its learner sees."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from course_utils.session import colab


def current_place() -> str:
    """ "Colab", "JupyterLab", "a Jupyter kernel", "IPython" or "plain Python"."""
    if colab.on_colab():
        return "Colab"
    if "IPython" not in sys.modules:
        return "plain Python"
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:
        return "plain Python"
    if not hasattr(shell, "kernel"):
        return "IPython"
    return "JupyterLab" if "JPY_SESSION_NAME" in os.environ else "a Jupyter kernel"


def restart_words() -> str:
    """How to restart, in the words of the menu that this learner sees."""
    how = {
        "Colab": "Choose Runtime → Restart session",
        "JupyterLab": "Choose Kernel → Restart Kernel…",
        "a Jupyter kernel": "Restart the kernel",
    }.get(current_place(), "Start a new Python")
    return f"{how}, then run the notebook from its first cell."


def own_commands_first() -> None:
    """Let a cell's ``!hf`` find the command of this kernel's Python, whoever started Jupyter."""
    own = str(Path(sys.executable).parent)
    others = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != own]
    os.environ["PATH"] = os.pathsep.join([own, *others])
