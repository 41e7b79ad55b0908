"""The table of API operations: method, path, the SDK's params type, what the stand-in acts on, and the handler."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from membership.stripe_standin.errors import Json
from membership.stripe_standin.store import Ledger

Handler = Callable[..., Json]
PAGING = "limit starting_after ending_before"


@dataclass(frozen=True)
class Operation:
    """One method on one path; `kind` is the object answered, or listed."""

    method: str
    path: re.Pattern[str]
    params: Any
    supported: frozenset[str]
    kind: str
    handler: Handler

    def run(self, ledger: Ledger, values: Json, path: dict[str, str]) -> Json:
        """Carry the operation out inside the ledger's transaction."""
        return self.handler(ledger, values, **path)


OPERATIONS: list[Operation] = []


def operation(method: str, rule: str, params: Any, kind: str, supported: str = "") -> Callable[[Handler], Handler]:
    """Register a handler; supported lists dotted parameter names, list indices left out."""

    def register(handler: Handler) -> Handler:
        names = frozenset(supported.split()) | {"expand"}
        path = re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", rule))
        OPERATIONS.append(Operation(method, path, params, names, kind, handler))
        return handler

    return register


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation at an address and the ids in it, or None."""
    for candidate in OPERATIONS:
        match = candidate.path.fullmatch(path)
        if match and candidate.method == method:
            return candidate, match.groupdict()
    return None


def picked(values: Json, *names: str) -> Json:
    """Return those of the named parameters that the request has."""
    return {name: values[name] for name in names if name in values}


def merged_metadata(old: Json, given: Json | str | None) -> Json:
    """Return the metadata after an update: '' clears all, an empty value drops one key."""
    if given is None:
        return old
    if isinstance(given, str):
        return {}
    return {key: value for key, value in {**old, **given}.items() if value != ""}
