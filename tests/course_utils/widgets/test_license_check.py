"""LicenseCheck: it shows what check_license says, and trouble with the Hub."""

from __future__ import annotations

import pytest

import course_utils as cu
from course_utils.signs import SHAPES
from tests.course_utils.widgets.samples import LONG, PNG
from tests.support.on_screen import control, panel_of, words_of

FOUR = {
    "apache-2.0": "yes",
    "llama3.1": "yes-if",
    "cc-by-nc-4.0": "no",
    "practice/no-license": "cannot-tell",
}


@pytest.mark.parametrize(("model", "verdict"), FOUR.items())
def test_it_shows_what_check_license_says(model, verdict):
    check, report = cu.LicenseCheck(model), cu.check_license(model)
    page = panel_of(check)
    assert report.verdict == verdict
    assert f'data-shape="{SHAPES[verdict][0]}"' in page
    for label, text in report.rows():
        assert " ".join(f"{label} {text}".split()) in words_of(page)
    assert report.title() in words_of(page)
    for _, text in report.rows():
        assert text in str(check)


def test_another_model_another_use():
    check = cu.LicenseCheck()
    assert "press Enter" in panel_of(check)
    control(check, "Model").value = "cc-by-nc-4.0"
    assert check.report.verdict == "no"
    control(check, "Use").value = "research"
    assert check.report == cu.check_license("cc-by-nc-4.0", "research")
    check.check(" mit ", "internal")
    assert [control(check, name).value for name in ("Model", "Use")] == ["mit", "internal"]
    assert check.report == cu.check_license("mit", "internal")
    for wrong in (
        lambda: cu.LicenseCheck("mit", "world domination"),
        lambda: check.check("a", "b"),
    ):
        with pytest.raises(cu.CourseError, match="Known are commercial"):
            wrong()
    assert check.model == "mit"


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        ("practice/vanished", "no such repo"),
        ("trouble/server-error", "error of its own"),
        ("trouble/captive-portal", "web page came"),
        ("trouble/too-many-requests", "429"),
        (LONG, "repo id"),
    ],
)
def test_trouble_with_the_hub_is_shown_and_the_next_question_answered(repo_id, words):
    check = cu.LicenseCheck("mit")
    control(check, "Model").value = repo_id
    assert 'role="alert"' in panel_of(check) and words in panel_of(check)
    assert words in str(check)
    assert check.picture().startswith(PNG)
    control(check, "Model").value = "mit"
    assert check.report.verdict == "yes"


def test_a_click_right_after_leaving_the_field_asks_once(monkeypatch):
    check = cu.LicenseCheck()
    asked = []
    monkeypatch.setattr(
        "course_utils.widgets.license_check.check_license",
        lambda model, use: asked.append(model) or cu.check_license(model, use),
    )
    control(check, "Model").value = "mit"
    control(check, "Check").click()
    assert asked == ["mit"]
    check._answered -= 10
    control(check, "Check").click()
    assert asked == ["mit", "mit"]
