"""Reads a database's schema into plain values that can be compared, down to the text of its CHECK constraints."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, Inspector, TextClause, inspect

OWN_TABLE_OF_ALEMBIC = "alembic_version"
Schema = dict[str, dict[str, Any]]


def schema_of(engine: Engine) -> Schema:
    """Return everything that the database says about each of its tables."""
    seen = inspect(engine)
    names = [name for name in seen.get_table_names() if name != OWN_TABLE_OF_ALEMBIC]
    return {name: _table(seen, name, engine) for name in names}


def differences(one: Schema, other: Schema) -> list[str]:
    """Return a line for each thing that the two say differently, first what the one says."""
    flat_one, flat_other = dict(_flat(one)), dict(_flat(other))
    return [
        f"{path}: {flat_one.get(path)} / {flat_other.get(path)}"
        for path in sorted(flat_one.keys() | flat_other.keys())
        if flat_one.get(path) != flat_other.get(path)
    ]


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path} {key}".strip())
    else:
        # The condition of a partial index is a clause, which equals nothing but itself.
        yield path, normalised(str(value)) if isinstance(value, TextClause) else value


def _table(seen: Inspector, name: str, engine: Engine) -> dict[str, Any]:
    primary = seen.get_pk_constraint(name)
    return {
        "columns": {column["name"]: _column(column, engine) for column in seen.get_columns(name)},
        "primary key": (primary["name"], primary["constrained_columns"]),
        "unique": _by_name(seen.get_unique_constraints(name)),
        "foreign keys": _by_name(seen.get_foreign_keys(name)),
        "indexes": _by_name(seen.get_indexes(name)),
        "checks": {check["name"]: normalised(check["sqltext"]) for check in seen.get_check_constraints(name)},
        "options": seen.get_table_options(name),
    }


def _column(column: Any, engine: Engine) -> tuple[str, bool, str | None]:
    return column["type"].compile(engine.dialect), column["nullable"], column["default"]


def _by_name(constraints: Any) -> dict[str, Any]:
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in constraints}


def normalised(condition: str) -> str:
    """Return a condition without what depends on how it was written down: white space and the outer parentheses."""
    text = re.sub(r"\s+", " ", condition).strip()
    while text.startswith("(") and text.endswith(")") and _is_one_pair(text):
        text = text[1:-1].strip()
    return text


def _is_one_pair(text: str) -> bool:
    depth = 0
    for position, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return position == len(text) - 1
    return False
