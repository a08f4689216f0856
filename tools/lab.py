"""``make lab``: one practice Hub for all kernels, and JupyterLab on ``notebooks/``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from practice_hub import PracticeHub
from practice_hub.published.share import make_temporary_home
from tools.lab_server import kernels_of, kill

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SECONDS_TO_END = 12.0  # JupyterLab gives a busy kernel five, and then kills it
LOOK_EVERY = 0.25

# An opened page makes JupyterLab look for a newer one of itself at pypi.org. While that name is
# being looked up, which takes minutes on some networks, JupyterLab cannot end.
NO_UPDATES = (
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate"
)


def main(arguments: list[str], notebooks: Path = NOTEBOOKS) -> int:
    # The handler only leaves a note, because it may run while JupyterLab is just being started.
    # Nor may this process wait for JupyterLab in one go: a signal that another thread receives
    # (the practice Hub's, say) does not wake this one, and Python runs handlers in no other.
    told_to_end: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told_to_end.append(number))
    with PracticeHub() as hub, temporary_home() as home:
        print(f"Practice Hub: {hub.url}")
        command = Path(sys.executable).with_name("practice-hub")
        print(f'For another shell: eval "$({command} env {hub.url})"', flush=True)
        server = [sys.executable, "-m", "tools.lab_server", str(os.getpid())]
        environment = {**os.environ, "PRACTICE_HUB_URL": hub.url, "PRACTICE_HUB_HOME": home}
        # Ctrl-C reaches JupyterLab as well, and it asks before it goes: wait for its answer.
        signal.signal(signal.SIGINT, lambda *_: None)
        lab = subprocess.Popen(
            [*server, *defaults(arguments), *arguments, notebooks], env=environment
        )
        try:
            while lab.poll() is None and not told_to_end:
                time.sleep(LOOK_EVERY)
        finally:
            end(lab)
        return lab.returncode


@contextmanager
def temporary_home() -> Iterator[str]:
    """All kernels' ``HF_HOME`` while this runs; the published models can be linked into it."""
    home = make_temporary_home()
    try:
        yield str(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def end(lab: subprocess.Popen[bytes]) -> None:
    """Ask JupyterLab to stop; what is left of it and of its kernels after a while is killed."""
    kernels = kernels_of(lab.pid)
    lab.terminate()
    try:
        lab.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        kernels += kernels_of(lab.pid)
        lab.kill()
        lab.wait()
    kill(kernels)


def defaults(arguments: list[str]) -> list[str]:
    """What JupyterLab needs to be told on this machine, unless the caller said it."""
    found = [NO_UPDATES]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments:
        found.append("--allow-root")
    no_screen = sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if no_screen and "--no-browser" not in arguments:
        found.append("--no-browser")
    return found


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
