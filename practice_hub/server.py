"""A practice Hub that runs in this process, beside whatever else runs here."""

from __future__ import annotations

import socket
import threading
import uuid

import uvicorn

from practice_hub.app import create_app
from practice_hub.repos import load_held

LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 20


class PracticeHub:
    """Serves the held repos on this machine's loopback address.

    Args:
        port: 0 takes any free port.

    Use it as a context manager, or call ``start()`` and ``stop()``. ``url`` is what ``HF_ENDPOINT``
    wants to hear.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self.instance = uuid.uuid4().hex[:12]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(load_held(), self.instance),
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    def start(self) -> PracticeHub:
        """Serve from a background thread; returns when the first request would be answered."""
        if self._thread is not None:
            return self
        self._socket.listen(1024)
        self._thread = threading.Thread(target=self.serve, name="practice-hub", daemon=True)
        self._thread.start()
        waited = threading.Event()
        for _ in range(SECONDS_TO_START * 100):
            if self._server.started:
                return self
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        raise RuntimeError("The practice Hub did not start. Restart the kernel and try again.")

    def serve(self) -> None:
        """Serve until stopped, in this thread."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._socket.close()

    def __enter__(self) -> PracticeHub:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
