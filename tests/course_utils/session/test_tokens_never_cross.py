"""No real token is read, sent or overwritten on the practice Hub; no practice token on the real."""

from __future__ import annotations

import socket
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


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}",
        "http://localhost:{port}/hotel-wifi-42/anna",
        "http://0.0.0.0:{port}/",
        "http://{own}:{port}/hotel-wifi-42/anna~00000000000000000000000000000000",
    ],
)
def test_a_practice_hub_that_is_down_is_no_mirror(address, run_python):
    """It is said, and no token is sent when the Hub comes up later."""
    port = free_port()
    code = """
import course_utils as cu
session = cu.start("real")
print(session)
import huggingface_hub
print("asks", huggingface_hub.HfApi().endpoint, huggingface_hub.constants.ENDPOINT)
"""
    named = address.format(port=port, own=own_address())
    out = run_python(code, HF_ENDPOINT=named, HF_TOKEN=REAL).stdout
    assert "asks https://huggingface.co https://huggingface.co" in out
    assert "nothing answers at http" in out
    assert "practice Hub that is down is no mirror" in out
    assert "~0000" not in out


def own_address() -> str:
    return socket.gethostbyname(socket.gethostname())


def test_auto_takes_another_practice_hub_for_one_that_is_down(run_python):
    code = "import course_utils as cu; s = cu.start(); print(s.hub, s.endpoint)"
    dead = f"http://127.0.0.1:{free_port()}"
    out = run_python(code, COURSE_HUB="", HF_ENDPOINT=dead, HTTPS_PROXY=dead).stdout
    assert out.startswith("practice http://127.0.0.1:")
    assert dead not in out


@pytest.mark.parametrize("place", ["variable", "Colab secret", "login"])
def test_a_practice_token_in_the_file_does_not_block_a_valid_real_one(
    place, tmp_path, run_python, recording_mirror
):
    variables = {"HF_ENDPOINT": recording_mirror.url, **plant_files(tmp_path, PRACTICE)[1]}
    before = ""
    after = ""
    if place == "variable":
        variables["HF_TOKEN"] = REAL
    elif place == "Colab secret":
        before = COLAB.replace("SECRET", repr(REAL))
    else:
        after = "\nfrom huggingface_hub import _login; from huggingface_hub.utils import _auth"
        after += f"\n_auth._save_token({REAL!r}, 'mine'); _login._set_active_token('mine', False)"
    code = f"{before}import course_utils as cu; cu.start('real'){after}"
    run_python(code + USE_THE_HUB, **variables)
    assert f"Bearer {REAL}" in recording_mirror.authorizations
    assert not any(PRACTICE in str(sent) for sent in recording_mirror.authorizations)


def test_a_practice_token_is_sent_though_tokens_were_switched_off(
    run_python, recording_practice_hub
):
    code = (
        "import course_utils as cu; s = cu.start('practice'); t = s.visitor.create_token('x');"
        "import huggingface_hub as h, os; os.environ['HF_TOKEN'] = t;"
        "h.HfApi().model_info('practice/tiny-chat')"
    )
    run_python(code, PRACTICE_HUB_URL=recording_practice_hub.url, HF_HUB_DISABLE_IMPLICIT_TOKEN="1")
    assert any("hf_practice_" in str(sent) for sent in recording_practice_hub.authorizations)


@pytest.mark.parametrize("hub", ["practice", "real"])
def test_the_vaults_other_secrets_are_asked_for_by_keyword_too(hub, run_python, recording_mirror):
    code = (
        COLAB.replace("SECRET", repr(REAL))
        + f"import course_utils as cu; cu.start({hub!r})\n"
        + "from google.colab import userdata; print('found', userdata.get(key='OTHER') is not None)"
    )
    out = run_python(code, HF_ENDPOINT=recording_mirror.url).stdout
    assert "found True" in out
