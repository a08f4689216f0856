"""SPDX expressions: ``Apache-2.0 OR MIT``, ``MIT AND CC-BY-4.0``, ``Apache-2.0 WITH …``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

OPERATOR = re.compile(r"\s(and|or|with)\s", re.IGNORECASE)
LONGEST = 500


@lru_cache(maxsize=256)
def parsed(text: str) -> Any | None:
    """The tree of an expression with an operator in it, as ``license_expression`` builds it.

    None for text that is no expression, and for a single identifier.
    """
    if not OPERATOR.search(text) or len(text) > LONGEST:
        return None
    from license_expression import ExpressionError, Licensing

    try:
        return Licensing().parse(text)
    except (ExpressionError, ValueError, TypeError):
        return None


def operator(node: Any) -> str:
    """ "or", "and", or "" for a single license (an exception after WITH included)."""
    return str(getattr(node, "operator", "") or "").strip().lower()


def identifier(node: Any) -> str:
    """The identifier of a single license, without its exception, which only adds permissions."""
    return str(getattr(getattr(node, "license_symbol", node), "key", node)).rstrip("+")


def identifiers(text: str) -> list[str]:
    """All identifiers of an expression; the text itself where it is none."""
    tree = parsed(text)
    if tree is None:
        return [text]
    return [identifier(leaf) for leaf in tree.literals] if operator(tree) else [identifier(tree)]
