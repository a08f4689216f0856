"""A practice Hub that runs in this process, beside whatever else runs here."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from practice_hub.accounts import OWNER, Accounts
from practice_hub.app import create_app
from practice_hub.catalogue import load_catalogue
from practice_hub.classroom import Classroom
from practice_hub.connections import (
    ACCEPTED_AT_ONCE,
    SILENT_SECONDS,
    Server,
    connection_class,
    most_connections,
)
from practice_hub.names import INSTRUCTOR, Names
from practice_hub.published import load_published
from practice_hub.repos import load_held

LOOPBACK = "127.0.0.1"
OWN_NAMES = [LOOPBACK, "localhost"]
SECONDS_TO_START = 20
logger = logging.getLogger(__name__)


class PracticeHub:
    """Serves the held repos and the described ones on this machine's loopback address.

    Args:
        port: 0 takes any free port.
        catalogue: folders that describe more models, in the form of ``practice_hub/catalogue``.
            A file in them that cannot be used is logged, listed in ``problems`` and left out.
        auto_approve: nobody needs to click: device logins and manual gates say yes by themselves.
        host: another address than loopback needs a ``room_key``.
        room_key: learners reach the Hub at ``url/KEY/name~SECRET`` only; see
            ``practice_hub/classroom.py``.
        desk_key: the secret of the instructor's desk, 32 hex digits; None makes a new one.
        silent_seconds: how long a client that owes something may be silent before the Hub hangs up.

    Use it as a context manager, or call ``start()`` and ``stop()``. ``url`` is the value for
    ``HF_ENDPOINT``.

    Raises:
        CatalogueError: a catalogue is not a folder or holds no facts.
        OSError: the port is taken.
        ValueError: there is no room key where one is needed, or it is too short.
    """

    def __init__(
        self,
        port: int = 0,
        catalogue: Iterable[str | os.PathLike[str]] = (),
        auto_approve: bool = False,
        host: str = LOOPBACK,
        room_key: str | None = None,
        desk_key: str | None = None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        if host != LOOPBACK and not room_key:
            raise ValueError(f"To listen on {host} the Hub needs a room key.")
        self.instance = uuid.uuid4().hex[:12]
        folders = [catalogue] if isinstance(catalogue, (str, os.PathLike)) else catalogue
        described = load_catalogue([Path(folder) for folder in folders])
        self.problems = described.problems
        for problem in self.problems:
            logger.warning("Left out of the catalogue: %s", problem)
        self._accounts = Accounts(auto_approve)
        self._described = described.repos
        self._repos = {**described.repos, **load_held()}
        self.load_published()
        repos = self._repos
        self._room_key, self._desk_key = room_key, desk_key or secrets.token_hex(16)
        names = Names({repo.owner for repo in repos.values()}) if room_key is not None else None
        app = create_app(repos, self.instance, self._accounts, names)
        if room_key is not None and names is not None:
            served: ASGIApp = Classroom(app, room_key, names, self._desk_key)
        else:  # no other site's page may reach this Hub under a name of its own
            served = TrustedHostMiddleware(app, OWN_NAMES)
        # With the protocol named, asyncio sends small answers at once instead of waiting for more.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._server = Server(
            uvicorn.Config(
                served,
                loop="asyncio",
                http=connection_class(most_connections(), silent_seconds),
                backlog=ACCEPTED_AT_ONCE,
                log_level="critical",
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

    @property
    def desk_url(self) -> str:
        """In a room, the address of the instructor's desk. It holds the desk's key."""
        return f"{self.url}/{self._room_key}/{INSTRUCTOR}~{self._desk_key}/desk"

    def owner_token(self) -> str:
        """A token of the account that owns ``practice/``: it sees private repos and opens gates."""
        name = f"owner {len(self._accounts.tokens_of(OWNER)) + 1}"
        return self._accounts.create_token(OWNER, name, role="write")

    def connected(self) -> int:
        """How many connections are open."""
        return len(self._server.server_state.connections)

    def load_published(self) -> None:
        """Take up the published models that lie on this machine. Call it again after a fetch."""
        self._repos.update(load_published(self._described))

    def start(self) -> PracticeHub:
        """Serve from a background thread; returns when the first request would be answered."""
        if self._server.should_exit:
            raise RuntimeError(
                "A practice Hub that was stopped cannot start again: make a new one."
            )
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
