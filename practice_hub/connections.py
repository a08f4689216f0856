"""How many clients are served at once, how long one may be silent, and what the others are told.

Each connection is an open file of this process, and so is each download. macOS lets a process have
256 of them unless it asks for more.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

WANTED_FILES = 8192
SPARE_FILES = 48  # for what is neither a connection nor a file being sent
ACCEPTED_AT_ONCE = 32
WAITING_TO_BE_ACCEPTED = 1024
SILENT_SECONDS = 60.0
SECONDS_TO_HEAR_NO = 2.0
BUSY = b"The practice Hub serves as many clients as it can. Try again in a few seconds.\n"
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"X-Error-Message: %s\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (BUSY.strip(), len(BUSY), BUSY)
)


def raise_file_limit() -> int:
    """Ask the system for more open files; returns how many this process may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit on sockets
        return WANTED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return WANTED_FILES if soft == resource.RLIM_INFINITY else soft


def most_connections() -> int:
    """How many connections leave enough files for each of them to be sent one."""
    return max(8, (raise_file_limit() - open_files() - SPARE_FILES) // 2)


def open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(os.listdir(folder))  # noqa: PTH208  (a folder of numbers, not of files)
    return 64


def connection_class(most: int, silent_seconds: float) -> type[asyncio.Protocol]:
    """The protocol for uvicorn: at most so many connections, none of them silent for long.

    A whole request has to arrive within ``silent_seconds`` too, so that a connection cannot be
    kept with one byte now and then.
    """

    class Connection(H11Protocol):
        refused = False
        heard = 0.0
        waits_since = 0.0  # for a request, or the rest of one
        watch: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.heard = self.waits_since = self.loop.time()
            self.refused = len(self.connections) > most
            if len(self.connections) > most + SPARE_FILES // 2:
                transport.abort()
            else:
                wait = SECONDS_TO_HEAR_NO if self.refused else silent_seconds
                self.watch = self.loop.call_later(wait, self.look)

        def data_received(self, data: bytes) -> None:
            self.heard = self.loop.time()
            if not self.refused:
                super().data_received(data)
            elif not self.transport.is_closing():
                self.transport.write(REFUSAL)
                self.transport.close()

        def on_response_complete(self) -> None:
            self.heard = self.waits_since = self.loop.time()
            super().on_response_complete()

        def resume_writing(self) -> None:
            self.heard = self.loop.time()
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            if self.watch is not None:
                self.watch.cancel()
            super().connection_lost(exc)

        def look(self) -> None:
            """Hang up on a client that should be sending or taking something and is not."""
            since = self.waits_since if self.waits_for_request() else self.heard
            silent = self.loop.time() - since
            if self.refused or (self.waits_for_client() and silent >= silent_seconds):
                self.transport.abort()
                return
            wait = max(silent_seconds - silent, silent_seconds / 4)
            self.watch = self.loop.call_later(wait, self.look)

        def waits_for_request(self) -> bool:
            return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

        def waits_for_client(self) -> bool:
            return self.waits_for_request() or self.transport.get_write_buffer_size() > 0

    return Connection


class Server(uvicorn.Server):
    """uvicorn's server, which takes new connections a few at a time."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().set_exception_handler(keep_quiet_when_full)
        for listening in sockets or ():
            listening.listen(WAITING_TO_BE_ACCEPTED)


def keep_quiet_when_full(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Without a file to spare a connection waits its turn; that needs no traceback."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
        loop.default_exception_handler(context)
