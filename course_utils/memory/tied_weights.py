"""Two tensors that a config ties and a checkpoint stores twice: are the two the same?

transformers ties them only if they are: otherwise it keeps both, whatever the config says. Headers
do not tell, so a stretch of each is read.
"""

from __future__ import annotations

from pathlib import Path

from course_utils.errors import HubTrouble
from course_utils.hub.client import api, ask
from course_utils.memory.checkpoint import Checkpoint
from course_utils.memory.headers import LENGTH_BYTES, StoredTensor

COMPARED = 65_536  # bytes from the middle of each


def are_the_same(checkpoint: Checkpoint, one: StoredTensor, other: StoredTensor) -> bool | None:
    """None where the bytes cannot be had."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False

    def compare() -> bool | None:
        try:
            return _stretch(checkpoint, one) == _stretch(checkpoint, other)
        except (HubTrouble, OSError, ValueError):
            return None

    return checkpoint.once((one, other), compare)


def _stretch(checkpoint: Checkpoint, tensor: StoredTensor) -> bytes:
    length_of_header = int.from_bytes(_read(checkpoint, tensor.file, 0, LENGTH_BYTES), "little")
    begin = LENGTH_BYTES + length_of_header + tensor.start
    length = min(tensor.bytes, COMPARED)
    return _read(checkpoint, tensor.file, begin + (tensor.bytes - length) // 2, length)


def _read(checkpoint: Checkpoint, file: str, start: int, length: int) -> bytes:
    if checkpoint.repo_id is None:
        with Path(checkpoint.name, file).open("rb") as content:
            content.seek(start)
            found = content.read(length)
    else:
        about = f"{file} of {checkpoint.name}"
        found = ask(_fetch_range, checkpoint.repo_id, file, start, length, about=about)
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
