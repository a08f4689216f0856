"""The models that a model was made from, as their cards name them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_utils.errors import HubTrouble
from course_utils.hub.client import SECONDS, model_info
from course_utils.hub.repo_id import REPO_ID, repo_id_of

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

MOST_ANCESTORS = 12


@dataclass(frozen=True)
class Ancestor:
    """A base model, or a base model's. ``child`` is who names it.

    ``info`` is what the Hub tells of it; None if that is nothing, and ``problem`` says why.
    """

    name: str
    child: str
    info: ModelInfo | None
    problem: str = ""

    @property
    def is_repo_id(self) -> bool:
        return REPO_ID.fullmatch(self.name) is not None


def base_models(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The base models that a card's metadata name, addresses shortened to repo ids."""
    named = metadata.get("base_model")
    listed = named if isinstance(named, list) else [named]
    names = [repo_id_of(name) for name in listed if isinstance(name, str) and name.strip()]
    return tuple(dict.fromkeys(names))


def ancestors(
    repo_id: str, metadata: Mapping[str, Any], seconds: float = 2 * SECONDS
) -> Iterator[Ancestor]:
    """Follow the base models upwards: parents first, each once, loops ended.

    At most ``MOST_ANCESTORS`` are asked about, and for ``seconds`` in all.
    """
    ends = time.monotonic() + seconds
    waiting = [(name, repo_id) for name in base_models(metadata)]
    seen = {repo_id.casefold()}
    while waiting:
        name, child = waiting.pop(0)
        if name.casefold() in seen:
            continue
        seen.add(name.casefold())
        left = ends - time.monotonic()
        if len(seen) > MOST_ANCESTORS + 1 or left <= 0:
            yield Ancestor(name, child, None, "the lineage is too long to be followed here")
            continue
        found = _look_up(name, child, min(SECONDS, left))
        yield found
        card = found.info.card_data if found.info else None
        waiting += [(above, name) for above in base_models(card.to_dict() if card else {})]


def _look_up(name: str, child: str, seconds: float) -> Ancestor:
    if not REPO_ID.fullmatch(name):
        return Ancestor(name, child, None, "that is no repo id, so nobody can look it up")
    try:
        return Ancestor(name, child, model_info(name, seconds))
    except HubTrouble as trouble:
        words = {"missing": "the Hub does not show it: gone, renamed or private"}
        reason = words.get(trouble.problem) or str(trouble).removeprefix(f"{name}: ")
        return Ancestor(name, child, None, reason)
