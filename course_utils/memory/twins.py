"""Two tensors that a config ties and a checkpoint stores twice: are the two the same?

transformers ties them only if they are: otherwise it keeps both, whatever the config says. Headers
do not tell, so a stretch of each is read.
"""

from __future__ import annotations

from pathlib import Path

from course_utils.errors import HubTrouble
from course_utils.hub.client import api, ask
from course_utils.memory.checkpoint import StoredModel, StoredTensor

COMPARED = 65_536  # bytes from the middle of each


def are_the_same(stored: StoredModel, one: StoredTensor, other: StoredTensor) -> bool | None:
    """None where the bytes cannot be had."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    try:
        return _stretch(stored.name, one) == _stretch(stored.name, other)
    except (HubTrouble, OSError, ValueError):
        return None


def _stretch(name: str, tensor: StoredTensor) -> bytes:
    begin = 8 + int.from_bytes(_read(name, tensor.file, 0, 8), "little") + tensor.start
    length = min(tensor.bytes, COMPARED)
    return _read(name, tensor.file, begin + (tensor.bytes - length) // 2, length)


def _read(name: str, file: str, start: int, length: int) -> bytes:
    path = Path(name, file)
    if path.is_file():
        with path.open("rb") as content:
            content.seek(start)
            found = content.read(length)
    else:
        found = ask(_fetch_range, name, file, start, length, about=f"{file} of {name}")
    if len(found) != length:
        raise ValueError(f"{len(found)} bytes came in place of {length}")
    return found


def _fetch_range(repo_id: str, file: str, start: int, length: int) -> bytes:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    headers = {**build_hf_headers(), "Range": f"bytes={start}-{start + length - 1}"}
    url = hf_hub_url(repo_id, file, endpoint=api().endpoint)
    response = get_session().get(url, headers=headers, timeout=10)
    hf_raise_for_status(response)
    return response.content
