"""How a file is sent: from disk, from memory, or only as much of it as exists here."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from practice_hub.published import published_models
from practice_hub.repos import RepoFile
from practice_hub.responses import HubError

TOKENIZER = "tokenizer_config.json"  # what clients ask for first
BYTE_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


def file_answer(request: Request, repo_id: str, file: RepoFile, sha: str) -> Response:
    """The file at commit ``sha``.

    Of described weights only the header exists. A range that begins in the header gets as much of
    it as there is, and Content-Range says so. Whoever asks for more is refused.

    Raises:
        HubError: the bytes are not held here, or lie behind the end of the file.
    """
    headers = {
        "ETag": f'"{file.etag}"',
        "X-Repo-Commit": sha,
        "Content-Disposition": disposition(file.path.rpartition("/")[2]),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    media_type = "text/plain; charset=utf-8" if file.sha256 is None else "application/octet-stream"
    if file.local is not None:
        return FileResponse(file.local, headers=headers, media_type=media_type)
    headers["Accept-Ranges"] = "bytes"
    if request.method == "HEAD":
        headers["Content-Length"] = str(file.size)
        return Response(headers=headers, media_type=media_type)
    content = file.read()
    asked = byte_range(request, file.size)
    if asked is None and len(content) == file.size:
        return Response(content, headers=headers, media_type=media_type)
    if asked is None or asked.start >= len(content):
        raise weights_not_held(repo_id, file.path)
    part = content[asked.start : asked.stop]
    last = asked.start + len(part) - 1
    headers["Content-Range"] = f"bytes {asked.start}-{last}/{file.size}"
    return Response(part, 206, headers, media_type)


def disposition(name: str) -> str:
    """Shown in place, under its own name, in both spellings that browsers read."""
    plain = name.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
    return f"inline; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";"


def byte_range(request: Request, size: int) -> range | None:
    """The bytes that a request asks for; None when it asks for all, or in a way not read here."""
    found = BYTE_RANGE.fullmatch(request.headers.get("range", ""))
    if found is None:
        return None
    first, last = int(found[1]), int(found[2] or size - 1)
    if first >= size:
        raise HubError(416, "Range Not Satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return range(first, last + 1) if first <= last else None


def tokenizer_not_held(request: Request, repo_id: str, sha: str) -> Response:
    """A described model's tokenizer: it exists, and cannot be had here.

    The refusal comes with the download, as for weights. If the HEAD request before it were refused,
    transformers would conclude that there is no tokenizer, and make an empty one.

    Raises:
        HubError: the request was a download.
    """
    if request.method == "HEAD":
        headers = {"ETag": f'"{sha}"', "X-Repo-Commit": sha, "Content-Length": "1"}
        return Response(headers=headers, media_type="text/plain; charset=utf-8")
    raise HubError(
        404,
        f"The practice Hub describes {repo_id} but does not hold its tokenizer. "
        f"{_where_it_is(repo_id)}",
    )


def weights_not_held(repo_id: str, path: str) -> HubError:
    """Not a 403, which clients blame on the token; and without a code, as the file is listed."""
    return HubError(
        404,
        f"The practice Hub describes {repo_id} but does not hold its weights: of {path} only the "
        f"header can be read here. {_where_it_is(repo_id)}",
    )


def _where_it_is(repo_id: str) -> str:
    if repo_id in published_models():
        return "`python -m practice_hub --fetch` brings it; then start the practice Hub again."
    return f"The model itself is at https://huggingface.co/{repo_id}"
