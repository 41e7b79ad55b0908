"""Read Stripe's form encoding: `a[b][0][c]=1` and `expand[]=x` as a tree of strings."""

import re
from collections.abc import Iterable

from membership.stripe_standin.errors import ApiError

Tree = dict[str, "str | Tree"]

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_PART = re.compile(r"\[([^\[\]]*)\]")


def nested(pairs: Iterable[tuple[str, str]]) -> Tree:
    """Return the pairs as a tree; arrays stay objects with numbers as keys until the annotation says what they are."""
    tree: Tree = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise ApiError(f"Invalid parameter name: {key}", param=key)
        _put(tree, [match[1], *_PART.findall(match[2])], value, key)
    return tree


def _put(tree: Tree, parts: list[str], value: str, key: str) -> None:
    """Store one value at its place in the tree."""
    node = tree
    for part in parts[:-1]:
        child = node.setdefault(part or str(len(node)), {})
        if isinstance(child, str):
            raise ApiError(f"Invalid parameter: {key} is given both as a value and as a hash", param=key)
        node = child
    last = parts[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise ApiError(f"Invalid parameter: {key} is given both as a value and as a hash", param=key)
    node[last] = value
