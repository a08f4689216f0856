"""The variables by which a program finds a Hub, and those by which a real account could follow.

``HF_ENDPOINT`` alone is not enough: with a login on the machine the client would send the real
token to whatever Hub it is pointed at.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType

# Each names a place below HF_HOME, and overrules it.
PLACES = (
    "HF_TOKEN_PATH",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HUGGINGFACE_ASSETS_CACHE",
    "HF_XET_CACHE",
    "HF_MODULES_CACHE",
    "SENTENCE_TRANSFORMERS_HOME",
    "TRANSFORMERS_CACHE",
)
# Tokens, caches and other Hubs: none of them may reach a program that talks to a practice Hub.
KEPT_OUT = (
    *PLACES,
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_OIDC_RESOURCE",
    "HF_OIDC_ID_TOKEN",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "HF_INFERENCE_ENDPOINT",
    "HUGGINGFACE_CO_STAGING",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
)


def variables_for(address: str, home: str) -> dict[str, str]:
    """What to set, so that the libraries talk to the practice Hub at ``address``."""
    return {
        "HF_ENDPOINT": address,
        "HF_HOME": home,
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        # For a repo of pickles transformers would post repo id and token to a service elsewhere.
        "DISABLE_SAFETENSORS_CONVERSION": "1",
    }


def line_for_sh(address: str, home: str | None) -> str:
    """One line for sh, bash and zsh. ``home`` None: the line itself makes a new folder."""
    folder = '"$(mktemp -d)"' if home is None else shlex.quote(home)
    pairs = {name: shlex.quote(value) for name, value in variables_for(address, "").items()}
    pairs["HF_HOME"] = folder
    settings = " ".join(f"{name}={value}" for name, value in pairs.items())
    return f"unset {' '.join(KEPT_OUT)}; export {settings}"


def line_for_fish(address: str, home: str | None) -> str:
    folder = "(mktemp -d)" if home is None else fish_quote(home)
    pairs = {name: fish_quote(value) for name, value in variables_for(address, "").items()}
    pairs["HF_HOME"] = folder
    settings = "; ".join(f"set -gx {name} {value}" for name, value in pairs.items())
    return f"set -e {' '.join(KEPT_OUT)}; {settings}"


def line_for_powershell(address: str, home: str | None) -> str:
    new = (
        "(New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) (New-Guid))).FullName"
    )
    pairs = {name: powershell_quote(value) for name, value in variables_for(address, "").items()}
    pairs["HF_HOME"] = new if home is None else powershell_quote(home)
    removed = ",".join(f"Env:{name}" for name in KEPT_OUT)
    settings = "; ".join(f"$Env:{name} = {value}" for name, value in pairs.items())
    return f"Remove-Item {removed} -ErrorAction SilentlyContinue; {settings}"


def fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def powershell_quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


LINE_OF: Mapping[str, Callable[[str, str | None], str]] = MappingProxyType(
    {"sh": line_for_sh, "fish": line_for_fish, "powershell": line_for_powershell}
)
