"""Gets a wheel from the package index, byte for byte the pinned one. Nothing of it is installed.

With pip, because pip knows the index, proxy and certificates that this machine is set up for.
Without it, by the index's simple API (PEP 691, or PEP 503 where the index is older).
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from practice_hub.published import Wheel

if TYPE_CHECKING:
    from urllib.response import addinfourl as Answer

Say = Callable[[str], None]

PYPI = "https://pypi.org/simple"
INDEX_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
SECONDS_WITHOUT_ANSWER = 30
SECONDS_BETWEEN_NEWS = 3
BLOCK = 1 << 20

NO_INDEX = (
    "the package index cannot be reached. Fetch again where `pip download` works; if this network "
    "has an index of its own, name it in PIP_INDEX_URL"
)
NO_RELEASE = "the package index has no such release. Is it a mirror that lacks it, or is it gone?"
OTHER_BYTES = (
    "the index sent other bytes than the pinned ones, so nothing of them is used. Fetch again; if "
    "it stays so, the index serves a changed file"
)
# What pip says, and what it means here; the first that is found counts.
PIP_SAYS = {
    r"DO NOT MATCH THE HASHES": OTHER_BYTES,
    r"NewConnectionError|NameResolution|Name or service|ProxyError|timed out|Retrying": NO_INDEX,
    r"No matching distribution|Could not find a version": NO_RELEASE,
}
DISK_FULL = re.compile(r"No space left|Errno 28|Disk quota")


class FetchError(Exception):
    """A published model could not be fetched: why, and what to do about it."""


def get_wheel(wheel: Wheel, folder: Path, say: Say) -> Path:
    """Download the wheel into ``folder`` and check its hash.

    Raises:
        FetchError: there is no index, it lacks the release, or the bytes are not the pinned ones.
        OSError: the folder cannot be written.
    """
    get = with_pip if find_spec("pip") else from_index
    path = get(wheel, folder, say)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wheel.sha256:
        raise FetchError(f"{wheel}: {OTHER_BYTES}.")
    return path


def with_pip(wheel: Wheel, folder: Path, say: Say) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(wheel.requirement + "\n", encoding="utf-8")
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    options += ["--progress-bar", "off", "--retries", "1", "--timeout", "20"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder)]
    pip = subprocess.Popen(
        [*command, "--requirement", str(requirements)],
        env={**os.environ, "TMPDIR": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    complaints = wait_for(pip, folder, say)
    if pip.returncode:
        if DISK_FULL.search(complaints):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        found = (words for sign, words in PIP_SAYS.items() if re.search(sign, complaints))
        raise FetchError(f"{wheel}: {next(found, last_line(complaints))}.")
    return folder / wheel.file_name


def wait_for(pip: subprocess.Popen[str], folder: Path, say: Say) -> str:
    """What pip complained of. Until it ends, its growing file tells how far it is."""
    told = 0
    while True:
        try:
            return pip.communicate(timeout=SECONDS_BETWEEN_NEWS)[1]
        except subprocess.TimeoutExpired:
            here = sum(path.stat().st_size for path in folder.rglob("*.whl"))
            if here > told:
                say(f"  {here / 1e6:.0f} MB …")
            told = here
        except BaseException:
            pip.kill()
            pip.wait()
            raise


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"pip says: {lines[-1][:300]}" if lines else "pip failed and said nothing"


# --- Without pip ---------------------------------------------------------------------------------


def from_index(wheel: Wheel, folder: Path, say: Say) -> Path:
    index = next(filter(None, map(os.environ.get, INDEX_VARIABLES)), PYPI)
    host = urlsplit(index).hostname or index
    path = folder / wheel.file_name
    try:
        page = f"{index.rstrip('/')}/{wheel.package}/"
        with ask(page, index) as answer:
            address = file_address(answer, wheel)
        if address is None:
            raise FetchError(f"{wheel}: {NO_RELEASE} ({host})")
        with ask(address, index) as answer, path.open("wb") as file:
            save(answer, file, say)
    except HTTPError as error:
        words = NO_RELEASE if error.code == 404 else f"{host} answers {error.code}. Fetch again"
        raise FetchError(f"{wheel}: {words}.") from None
    except URLError as error:
        raise FetchError(f"{wheel}: {NO_INDEX} ({host}: {error.reason}).") from None
    except (ConnectionError, HTTPException, TimeoutError, ValueError) as error:
        words = str(error)[:200] or type(error).__name__
        raise FetchError(f"{wheel}: {host} gave no usable answer: {words}. Fetch again.") from None
    return path


def ask(address: str, index: str) -> Answer:
    """Open an address. A name and password in the index's URL are sent to the index alone."""
    parts = urlsplit(address)
    bare = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=bare)))
    request.add_header("Accept", ACCEPT)
    own = urlsplit(index)
    if own.username and bare == own.netloc.rpartition("@")[2]:
        pair = f"{unquote(own.username)}:{unquote(own.password or '')}".encode()
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(pair).decode("ascii")
        )
    answer: Answer = urllib.request.urlopen(request, timeout=SECONDS_WITHOUT_ANSWER)
    return answer


def file_address(answer: Answer, wheel: Wheel) -> str | None:
    """Where the index keeps the wheel; None if its page does not list it."""
    page = answer.read(20_000_000).decode("utf-8", "replace")
    if "json" in answer.headers.get("Content-Type", ""):
        listed = {file["filename"]: file["url"] for file in json.loads(page)["files"]}
    else:
        links = Links()
        links.feed(page)
        listed = {unquote(link.rpartition("/")[2]): link for link in links.found}
    found = listed.get(wheel.file_name)
    return None if found is None else urljoin(answer.geturl(), found)


class Links(HTMLParser):
    """The addresses that a page links to, without their fragments."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs).get("href")
        if tag == "a" and link:
            self.found.append(urldefrag(link).url)


def save(answer: Answer, file: IO[bytes], say: Say) -> None:
    total = int(answer.headers.get("Content-Length") or 0)
    here = told = 0
    while block := answer.read(BLOCK):
        file.write(block)
        here += len(block)
        if here - told > total / 4:
            told = here
            say(f"  {here / 1e6:.0f} of {total / 1e6:.0f} MB …")
    if here < total:
        raise ValueError(f"it broke off after {here:,} of {total:,} bytes")
