"""``make lab``: one practice Hub for all kernels, and JupyterLab on ``notebooks/``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from practice_hub import PracticeHub

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def main(arguments: list[str], notebooks: Path = NOTEBOOKS) -> int:
    with PracticeHub() as hub, tempfile.TemporaryDirectory(prefix="practice-hub-") as home:
        print(f"Practice Hub: {hub.url}")
        command = Path(sys.executable).with_name("practice-hub")
        print(f'For another shell: eval "$({command} env {hub.url})"', flush=True)
        command = [sys.executable, "-m", "jupyterlab", *defaults(arguments), *arguments, notebooks]
        environment = {**os.environ, "PRACTICE_HUB_URL": hub.url, "PRACTICE_HUB_HOME": home}
        lab = subprocess.Popen(command, env=environment)
        # Ctrl-C reaches JupyterLab as well, and it asks before it goes: wait for its answer.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: lab.terminate())
        return lab.wait()


def defaults(arguments: list[str]) -> list[str]:
    """What JupyterLab needs to be told on this machine, unless the caller said it."""
    found = []
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
