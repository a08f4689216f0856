"""show_picture(), pictures(), and what a notebook gets of a picture."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import course_utils as cu
from course_utils.drawings import DRAWINGS, draw_hits, draw_memory

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=DRAWINGS)
def picture(request):
    return cu.show_picture(request.param)


def test_a_picture_prints_its_title_and_its_words(picture):
    lines = str(picture).splitlines()
    assert lines[0] == picture.title
    assert len(lines) >= 3
    assert repr(picture) == str(picture)


def test_a_saved_cell_has_a_png_and_words_and_no_html(picture):
    """HTML would win on GitHub, which strips SVG and styles from it."""
    data, metadata = picture._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/png"}
    assert data["text/plain"] == str(picture)
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width == 2 * metadata["image/png"]["width"]
    assert image.height == pytest.approx(image.width * picture.height / 400, abs=1)
    assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)
    assert len(image.convert("L").getcolors()) > 20


def test_a_live_cell_in_jupyterlab_has_the_svg_too(run_python):
    found = run_python(
        "from IPython.core.interactiveshell import InteractiveShell as Shell\n"
        "shell = Shell.instance(); shell.kernel = None\n"
        "import course_utils as cu\n"
        'print(sorted(cu.show_picture("kv_cache")._repr_mimebundle_()[0]))',
        JPY_SESSION_NAME="a.ipynb",
    )
    assert found.stdout.strip().endswith("['image/png', 'text/html', 'text/plain']")


def test_the_svg_is_sound_and_named(picture):
    root = ElementTree.fromstring(picture.svg())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    names = [root.find(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert [one.text for one in names] == [picture.title, picture.words]
    assert root.get("aria-labelledby") == " ".join(one.get("id") for one in names)
    assert not re.search(r"href=|src=|@import|url\([^#]", picture.svg())
    drawn = [one.text for one in root.iter(f"{SVG}text")]
    assert drawn[0] == picture.title
    patterns = {one.get("id") for one in root.iter(f"{SVG}pattern")}
    assert patterns == set(re.findall(r"url\(#([\w-]+)\)", picture.svg()))


def test_pictures_lists_them_all():
    listed = cu.pictures()
    assert list(listed.titles)[: len(DRAWINGS)] == list(DRAWINGS)
    assert {name: cu.show_picture(name).title for name in listed.titles} == listed.titles
    assert all(f"  {name} " in str(listed) for name in listed.titles)
    assert listed.to_dict() == {"titles": listed.titles}


@pytest.mark.parametrize(
    ("name", "meant"), [("kvcache", "kv_cache"), ("Gate doors", "gate_doors"), ("GPUs", None)]
)
def test_a_name_that_is_none_gets_the_nearest(name, meant):
    with pytest.raises(cu.CourseError) as caught:
        cu.show_picture(name)
    assert "cu.pictures()" in str(caught.value)
    if meant:
        assert repr(meant) in str(caught.value)


@pytest.mark.parametrize("name", [None, 7, "", "x" * 10**6, ["kv_cache"], "\x00"])
def test_what_is_no_name_is_a_course_error(name):
    with pytest.raises(cu.CourseError) as caught:
        cu.show_picture(name)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_a_picture_can_be_saved(ending, tmp_path):
    picture = cu.show_picture("gate_doors")
    picture.save(tmp_path / f"doors{ending}")
    content = (tmp_path / f"doors{ending}").read_bytes()
    assert content.startswith(b"<svg" if ending == ".svg" else b"\x89PNG")


def test_a_picture_is_saved_as_nothing_else(tmp_path):
    with pytest.raises(cu.CourseError, match=r"saved as \.png"):
        cu.show_picture("gate_doors").save(tmp_path / "doors.gif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("estimates", [(), ("Qwen/Qwen2.5-7B-Instruct",), (None,)])
def test_bars_want_estimates(estimates):
    with pytest.raises(cu.CourseError, match="estimate_memory"):
        draw_memory(*estimates, gpu="T4")


@pytest.mark.parametrize(
    "rows",
    [
        {},
        None,
        [True],
        *({"English": hits} for hits in ([], [True] * 21, True, 21, -1, 7.0, None)),
    ],
)
def test_squares_want_hits(rows):
    with pytest.raises(cu.CourseError):
        draw_hits(rows)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=60), st.lists(st.booleans(), min_size=1, max_size=20)))
def test_squares_of_any_labels_are_sound_or_a_course_error(rows):
    try:
        picture = draw_hits(rows)
    except cu.CourseError:
        return
    ElementTree.fromstring(picture.svg())
    assert all(f"{sum(hits)} of {len(hits)}" in str(picture) for hits in rows.values())
