"""What an estimate assumes about how a model is loaded and used."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

from course_utils.errors import CourseError
from course_utils.memory.quantization import QUANTIZATIONS

DTYPES = ("float32", "float16", "bfloat16")
CONTEXT = 2048  # tokens, where nobody says
MOST_TOKENS = 100_000_000  # ten times the longest context that a model was made for so far
MOST_SEQUENCES = 65_536


@dataclass(frozen=True)
class Assumptions:
    """``dtype`` None: as the checkpoint stores it. ``quantization`` None: not quantized on top.

    ``context`` is prompt and answer together; ``prompt`` None: all of it is prompt, the safe end.
    ``device_kind`` is that of the device asked about, "cuda", "mps" or "cpu"; None: nobody said.
    ``capability`` is its compute capability, "7.5" say; None: not known.
    ``chunk``: ``generate`` reads the prompt in pieces of so many tokens.
    """

    dtype: str | None = None
    quantization: str | None = None
    context: int = CONTEXT
    batch: int = 1
    prompt: int | None = None
    capability: str | None = None
    chunk: int | None = None
    device_kind: str | None = None

    @property
    def prompt_tokens(self) -> int:
        """Tokens that are read before the first one of the answer; at most the whole context."""
        return self.context if self.prompt is None else self.prompt

    @property
    def tokens_at_once(self) -> int:
        """Tokens of one sequence that go through the layers together."""
        return min(self.chunk or self.prompt_tokens, self.prompt_tokens)


def assumptions(
    dtype: Any,
    quantization: Any,
    context: Any,
    batch: Any,
    prompt: Any = None,
    capability: str | None = None,
    device_kind: str | None = None,
) -> Assumptions:
    """The arguments of ``estimate_memory``, checked.

    Raises:
        CourseError: one of them is not accepted; the message says what is.
    """
    whole = _whole("context", context, MOST_TOKENS, "tokens of each sequence")
    what = "tokens of each sequence's context"
    return Assumptions(
        dtype=_one_of("dtype", _without_torch(dtype), DTYPES, "as stored"),
        quantization=_one_of("quantization", quantization, tuple(QUANTIZATIONS), "not quantized"),
        context=whole,
        batch=_whole("batch", batch, MOST_SEQUENCES, "sequences at once"),
        prompt=None if prompt is None else _whole("prompt", prompt, whole, what),
        capability=capability,
        device_kind=device_kind,
    )


def _without_torch(dtype: Any) -> Any:
    """The dtype's name: torch.float16 is accepted like "float16"."""
    named = str(dtype)
    return named.removeprefix("torch.") if named.startswith("torch.") else dtype


def _one_of(name: str, value: Any, accepted: tuple[str, ...], none: str) -> str | None:
    if value is None or (isinstance(value, str) and value in accepted):
        return value
    words = ", ".join(f'"{one}"' for one in accepted)
    raise CourseError(f"{name} accepts {words} or None ({none}), not {value!r}.")


def _whole(name: str, value: Any, most: int, what: str) -> int:
    try:
        count = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = 0
    if 1 <= count <= most:
        return count
    raise CourseError(f"{name} accepts a whole number from 1 to {most:,} ({what}), not {value!r}.")
