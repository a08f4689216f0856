"""The practice Hub's facts about real models, read from its catalogue without a Hub."""

from __future__ import annotations

import json
from typing import Any

from transformers import CONFIG_MAPPING, PreTrainedConfig

from practice_hub.catalogue import BUILT_IN
from tests.support.shrunken import shrink


def fields_of(repo_id: str) -> dict[str, Any]:
    """What stands in the config.json of a model of the catalogue.

    Raises:
        FileNotFoundError: it is not in the catalogue.
    """
    path = BUILT_IN / f"{repo_id.replace('/', '--')}.json"
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["config"]
    return fields


def config_of(repo_id: str) -> PreTrainedConfig:
    return _config(fields_of(repo_id))


def small_config_of(repo_id: str) -> PreTrainedConfig:
    """The config of a model of the same kind that is small enough to load."""
    return _config(shrink(fields_of(repo_id)))


def _config(fields: dict[str, Any]) -> PreTrainedConfig:
    return CONFIG_MAPPING[fields["model_type"]].from_dict(fields)
