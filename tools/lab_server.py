"""JupyterLab as ``tools.lab`` starts it: it ends, with its kernels, when ``tools.lab`` is gone.

python -m tools.lab_server PID_OF_TOOLS_LAB [arguments of JupyterLab]
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

import psutil


def main(arguments: list[str]) -> None:
    from jupyterlab.labapp import main as jupyterlab

    parent, *rest = arguments
    if os.name == "posix":  # Windows hands nobody's children on, so there is nothing to notice
        threading.Thread(target=end_without, args=(int(parent),), daemon=True).start()
    sys.argv[1:] = rest
    jupyterlab()


def end_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    kill(kernels_of(os.getpid()))
    os._exit(1)


def kernels_of(server: int) -> list[psutil.Process]:
    """The kernels of a Jupyter server and what they have started; not the browser it opened."""
    found = []
    with suppress(psutil.Error):
        for process in psutil.Process(server).children(recursive=True):
            with suppress(psutil.Error):
                if process.environ().get("JPY_PARENT_PID") == str(server):
                    found.append(process)
    return found


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
