"""No real token is read, sent or overwritten on the practice Hub; no practice token on the real."""

from __future__ import annotations

from pathlib import Path

import pytest

REAL = "hf_" + "REALTOKEN" * 3
PRACTICE = "hf_practice_0123456789"

COLAB = """
from tools.colab_stand_in import install
reads = install(SECRET, fake_shell=True)
"""
USE_THE_HUB = """
import huggingface_hub, huggingface_hub.constants as c
print("token:", huggingface_hub.get_token())
huggingface_hub.HfApi().model_info("practice/tiny-chat")
print("file:", huggingface_hub.hf_hub_download("practice/tiny-chat", "config.json"))
print("tokens:", c.HF_TOKEN_PATH, c.HF_STORED_TOKENS_PATH)
print("files:", c.HF_HOME, c.HF_HUB_CACHE, c.HF_XET_CACHE)
"""


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def plant_files(tmp_path: Path, token: str) -> tuple[Path, dict[str, str]]:
    """A home with a token file in each place that a variable can name."""
    planted = tmp_path / "home" / "planted"
    variables = {
        "HF_HOME": str(planted / "hf_home"),
        "HF_TOKEN_PATH": str(planted / "elsewhere" / "token"),
        "HF_HUB_CACHE": str(planted / "cache"),
    }
    default = tmp_path / "home" / ".cache" / "huggingface" / "token"
    for path in (default, planted / "hf_home" / "token", planted / "elsewhere" / "token"):
        path.parent.mkdir(parents=True)
        path.write_text(token)
    return tmp_path / "home", variables


def test_no_real_token_reaches_the_practice_hub(tmp_path, run_python, recording_practice_hub):
    home, variables = plant_files(tmp_path, REAL)
    before = listing(home)
    finished = run_python(
        COLAB.replace("SECRET", repr(REAL))
        + 'import course_utils as cu; cu.start("practice")'
        + USE_THE_HUB
        + 'print("secret reads:", reads)',
        **variables,
        HF_TOKEN=REAL,
        HUGGING_FACE_HUB_TOKEN=REAL,
        HF_OIDC_RESOURCE="model:someone/some-model",
        HF_OIDC_ID_TOKEN=REAL,
        PRACTICE_HUB_URL=recording_practice_hub.url,
        PRACTICE_HUB_HOME=str(tmp_path / "practice-home"),
    )
    assert "token: None" in finished.stdout
    assert "secret reads: []" in finished.stdout
    assert REAL not in finished.stdout + finished.stderr
    assert str(home) not in finished.stdout
    assert recording_practice_hub.authorizations
    assert set(recording_practice_hub.authorizations) == {None}
    assert listing(home) == before


def test_default_places_are_left_alone(tmp_path, run_python, recording_practice_hub):
    token = tmp_path / "home" / ".cache" / "huggingface" / "token"
    token.parent.mkdir(parents=True)
    token.write_text(REAL)
    finished = run_python(
        'import course_utils as cu; cu.start("practice")' + USE_THE_HUB,
        PRACTICE_HUB_URL=recording_practice_hub.url,
        PRACTICE_HUB_HOME=str(tmp_path / "practice-home"),
    )
    assert "token: None" in finished.stdout
    assert listing(tmp_path / "home") == {str(token): REAL.encode()}
    assert set(recording_practice_hub.authorizations) == {None}


def test_a_practice_token_still_works_on_the_practice_hub(run_python, recording_practice_hub):
    finished = run_python(
        'import course_utils as cu; cu.start("practice");'
        'import huggingface_hub; print("token:", huggingface_hub.get_token())',
        PRACTICE_HUB_URL=recording_practice_hub.url,
        HF_TOKEN=PRACTICE,
    )
    assert f"token: {PRACTICE}" in finished.stdout


@pytest.mark.parametrize("place", ["variable", "token file", "Colab secret"])
def test_no_practice_token_reaches_the_real_hub(place, tmp_path, run_python, recording_mirror):
    variables = {"HF_ENDPOINT": recording_mirror.url}
    colab = ""
    if place == "variable":
        variables |= {"HF_TOKEN": PRACTICE, "HUGGING_FACE_HUB_TOKEN": PRACTICE}
    elif place == "token file":
        variables |= plant_files(tmp_path, PRACTICE)[1]
    else:
        colab = COLAB.replace("SECRET", repr(PRACTICE))
    finished = run_python(
        colab
        + "import course_utils as cu; session = cu.start('real'); print(session)"
        + USE_THE_HUB.replace('print("token:", huggingface_hub.get_token())', ""),
        **variables,
    )
    assert PRACTICE not in finished.stdout + finished.stderr
    assert recording_mirror.authorizations
    assert set(recording_mirror.authorizations) == {None}


@pytest.mark.parametrize("place", ["variable", "token file", "Colab secret"])
def test_a_real_token_reaches_the_real_hub(place, tmp_path, run_python, recording_mirror):
    variables = {"HF_ENDPOINT": recording_mirror.url}
    colab = ""
    if place == "variable":
        variables["HF_TOKEN"] = REAL
    elif place == "token file":
        variables |= plant_files(tmp_path, REAL)[1]
    else:
        colab = COLAB.replace("SECRET", repr(REAL))
    run_python(colab + "import course_utils as cu; cu.start('real')" + USE_THE_HUB, **variables)
    # The probe of the mirror carries no token; the client's own requests do.
    assert f"Bearer {REAL}" in recording_mirror.authorizations


def test_practice_places_do_not_survive_into_the_real_hub(tmp_path, run_python, recording_mirror):
    practice_home = tmp_path / "practice-home"
    practice_home.mkdir()
    (practice_home / "practice-hub-home").touch()
    finished = run_python(
        "import course_utils as cu; cu.start('real')" + USE_THE_HUB,
        HF_ENDPOINT=recording_mirror.url,
        HF_HOME=str(practice_home),
        HF_TOKEN_PATH=str(practice_home / "token"),
        HF_HUB_CACHE=str(practice_home / "hub"),
    )
    assert str(practice_home) not in finished.stdout
