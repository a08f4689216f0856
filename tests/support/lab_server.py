"""``make lab`` as a test starts it: a process of its own, with a home of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.paths import ROOT

CODE = """
import sys
from pathlib import Path
from tools.lab import main
raise SystemExit(main(sys.argv[1:-1], Path(sys.argv[-1])))
"""
START = [sys.executable, "-c", CODE]
SERVER = re.compile(r"http://(?:localhost|127\.0\.0\.1):\d+/lab\?token=\w+")
HUB = re.compile(r"Practice Hub: (\S+)")


@dataclass
class Lab:
    """``tools.lab`` as it runs; ``address`` has JupyterLab's token."""

    process: subprocess.Popen[bytes]
    log: Path
    runtime: Path  # where JupyterLab keeps the files by which its kernels are reached

    @property
    def address(self) -> str:
        return self.said(SERVER)[0]

    @property
    def hub(self) -> str:
        return self.said(HUB)[1]

    def said(self, words: re.Pattern[str]) -> re.Match[str]:
        """Waits for these words in what it prints."""
        for _ in range(600):
            if found := words.search(self.log.read_text()):
                return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def session(self) -> list[psutil.Process]:
        """What lives of all that it has started: JupyterLab, kernels, and what those started.

        Kernels have process groups of their own; the home that they were given tells them.
        """
        return [process for process in psutil.process_iter() if _home_of(process) == self.home]

    @property
    def home(self) -> str:
        return str(self.log.parent)

    def end(self) -> None:
        """As ``kill PID`` does it.

        Raises:
            AssertionError: it did not end, or left something behind, which is killed first.
        """
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        left = self.session()
        names = [_words(process) for process in left]
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        assert not names, f"left behind: {names}\n{self.log.read_text()}"


def _home_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.environ().get("HOME")
    return None


def _words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())[-160:]
    return "gone meanwhile"


@contextmanager
def lab_server(folder: Path, *options: str, port: str = "0") -> Iterator[Lab]:
    """``tools.lab`` on ``folder/notebooks``; nothing of it is left afterwards."""
    log, notebooks = folder / "lab.log", folder / "notebooks"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(quiet(all_cells_in_the_page(folder / "settings"))),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("COURSE_HUB", None)
    with log.open("w") as output:
        process = subprocess.Popen(
            [*START, "--no-browser", "--port", port, *options, str(notebooks)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    lab = Lab(process, log, folder / "runtime")
    try:
        yield lab
    finally:
        lab.end()


def all_cells_in_the_page(folder: Path) -> Path:
    """Settings by which JupyterLab keeps cells that are scrolled away, for the test to read."""
    settings = folder / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    return folder


def quiet(settings: Path) -> Path:
    """Settings by which JupyterLab asks for no newsletter in front of what is looked at."""
    file = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    file.write_text('{"fetchNews": "false"}')
    return settings
