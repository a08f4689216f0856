"""What a format costs, measured: three figures, each a few lines over what the libraries return.

They tell whether a model in fewer bits still does what it did. ``same_neighbours`` tells sameness,
which is not quality: another nearest sentence may be as good as the first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def hits(new: NDArray[Any], solved: NDArray[Any]) -> int:
    """How many new tickets are nearest to their own solved one, by cosine.

    Args:
        new, solved: vectors of shape (tickets, width), as ``encode()`` returns them. Row by row
            they belong together.

    Raises:
        CourseError: the shapes do not match.
    """
    import numpy as np

    if np.shape(new) != np.shape(solved):
        raise CourseError(f"{np.shape(new)} and {np.shape(solved)}: the rows do not pair up.")
    nearest = (_unit(new) @ _unit(solved).T).argmax(axis=1)
    return int((nearest == np.arange(len(nearest))).sum())


def same_neighbours(vectors: NDArray[Any], reference: NDArray[Any]) -> float:
    """The share of texts, from 0 to 1, whose nearest other text is the one it is in ``reference``.

    Args:
        vectors, reference: shape (texts, width), the same texts in the same order. The widths may
            differ.

    Raises:
        CourseError: the numbers of texts differ, or are below two.
    """
    import numpy as np

    if len(vectors) != len(reference) or len(vectors) < 2:
        raise CourseError(
            f"{len(vectors)} and {len(reference)} texts: two or more, and the same, are wanted."
        )
    return float(np.mean(_nearest_other(vectors) == _nearest_other(reference)))


def perplexity(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, text: str) -> float:
    """Among how many next tokens the model hesitates on average: e to the mean loss per token.

    The text is read in one piece, so it has to fit the model's context. Lower is better; figures of
    models with different tokenizers cannot be compared.
    """
    import torch

    tokens = tokenizer(text, return_tensors="pt").input_ids.to(model.device)
    with torch.no_grad():
        return math.exp(model(tokens, labels=tokens).loss.item())


def _nearest_other(vectors: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    similarity = _unit(vectors) @ _unit(vectors).T
    np.fill_diagonal(similarity, -2)  # a text is not its own neighbour
    nearest: NDArray[Any] = similarity.argmax(axis=1)
    return nearest


def _unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Rows of length 1, so that a product of two is their cosine."""
    import numpy as np

    exact = np.asarray(vectors, dtype=np.float64)
    unit: NDArray[Any] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return unit
