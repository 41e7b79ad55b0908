"""Everything that the code records has a word for staff."""

import ast
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from membership.paths import ROOT
from membership.staff.act_words import ACTS, act_words


def test_every_act_that_the_code_records_has_words() -> None:
    assert sorted(act for act in acts_in_the_code() if act not in ACTS and not act.endswith("*")) == []


def test_every_kind_of_act_that_is_named_by_its_outcome_has_words() -> None:
    families = [act.removesuffix("*") for act in acts_in_the_code() if act.endswith("*")]

    assert [family for family in families if not any(act.startswith(family) for act in ACTS)] == []


def test_an_act_of_another_version_shows_its_name(app: Flask) -> None:
    with app.test_request_context():
        assert (act_words("role.granted"), act_words("of.another.version")) == ("gave a role", "of.another.version")


def acts_in_the_code() -> set[str]:
    """Return every act that is recorded anywhere; `family.*` where the rest depends on the outcome."""
    return {act for path in (ROOT / "membership").rglob("*.py") for act in _acts_of(path)}


def _acts_of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # Whoever is given an act records it; but the limits count under names of their own, which have no dot.
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "act"]
    chosen = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and _names(node) == ["act"]]
    for value in (*given, *chosen):
        yield from (text for text in _texts(value) if "." in text or text == "refused")
    recorders = _recorders(tree)
    for name, (place, prefix) in recorders.items():
        for call in _calls(tree, name):
            for value in call.args[place : place + 1]:
                yield from (prefix + text for text in _texts(value))


def _recorders(tree: ast.Module) -> dict[str, tuple[int, str]]:
    """Return the functions that record an act that they are given: the argument's place, and what stands before it."""
    found = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            names = [argument.arg for argument in function.args.args]
            values = [keyword.value for call in _calls(function, "record") for keyword in call.keywords if keyword.arg == "act"]
            if values and "act" in names:
                prefixes = [part.values[0].value for part in values if isinstance(part, ast.JoinedStr)]
                found[function.name] = (names.index("act"), str(prefixes[0]) if prefixes else "")
    return found


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) == name:
            yield node


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _names(assignment: ast.Assign) -> list[str]:
    return [target.id for target in assignment.targets if isinstance(target, ast.Name)]


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)
    elif isinstance(value, ast.JoinedStr) and isinstance(value.values[0], ast.Constant):
        yield f"{value.values[0].value}*"
