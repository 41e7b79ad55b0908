"""The product runs no command, evaluates no text, unpickles nothing, builds no SQL out of text, and knows no broken hash."""

import ast
import builtins
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from membership.app import create_app
from membership.paths import ROOT
from membership.signed_links import make_token
from tests.architecture import Module, read_modules
from tests.conftest import NOW, SettingsMaker

STATIC = ROOT / "membership" / "static"
NO_PRODUCT = ("demo", "stripe_standin")
CALLS = frozenset({"eval", "exec", "compile", "__import__", "system", "popen", "md5", "sha1", "from_string"})
LIBRARIES = frozenset({"subprocess", "pickle", "marshal", "shelve", "dill", "ctypes", "xml", "random"})
RUNS_SQL = frozenset({"text", "exec_driver_sql", "execute"})
# Each with why it is none: what stands in the text is ours, and nobody's typing.
KNOWN = {
    "db: SQL out of text": "a PRAGMA's own name, the kind of a BEGIN",
    "outbox: random": "SystemRandom, so that what an outage leaves of discreet mails says nothing",
    "patronage.services.rebuilding: SQL out of text": "names of our own tables",
    "voting.services.box: random": "SystemRandom, to shuffle certified ballots",
    "voting.services.closures: random": "SystemRandom, to shuffle an open vote's ballots",
    "voting.services.shuffling: random": "SystemRandom, so that an open vote's ballots keep no order",
    "voting.services.vacuuming: SQL out of text": "names of our own tables",
    "voting.services.notices: random": "SystemRandom, so that nobody is always among the first to get a mail",
}


def dangers_of(module: Module) -> Iterator[str]:
    """Give what a module should not do."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{module.name}: {name}" for name in names if name.split(".")[0] in LIBRARIES)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            is_ours = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "re"  # re.compile
            if name in CALLS and not is_ours:
                yield f"{module.name}: {name}()"
            if name in RUNS_SQL and node.args and isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
                yield f"{module.name}: SQL out of text"


def test_the_product_does_nothing_dangerous_that_is_not_known() -> None:
    modules = [module for module in read_modules(ROOT / "membership") if module.parts[0] not in NO_PRODUCT]

    assert {danger for module in modules for danger in dangers_of(module)} == set(KNOWN)


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        ("import subprocess", "a: subprocess"),
        ("from xml.etree import ElementTree", "a: xml.etree"),
        ("eval('1')", "a: eval()"),
        ("import os\nos.system(x)", "a: system()"),
        ("import hashlib\nhashlib.md5(b'')", "a: md5()"),
        ("session.execute(text(f'SELECT {x}'))", "a: SQL out of text"),
        ("session.execute('SELECT ' + x)", "a: SQL out of text"),
    ],
)
def test_a_danger_is_noticed(source: str, danger: str) -> None:
    assert list(dangers_of(Module(("a",), ast.parse(source)))) == [danger]


def test_no_script_runs_text_or_builds_a_page_out_of_what_was_typed() -> None:
    found = {
        f"{path.name}: {danger}"
        for path in sorted(STATIC.glob("*.js"))
        for danger in re.findall(
            r"\beval\(|new Function|document\.write|outerHTML|insertAdjacentHTML|innerHTML|postMessage|import\(", _code(path)
        )
    }

    # Our own fragments, rendered here, from our own addresses.
    assert found == {"foot.js: innerHTML", "similar.js: innerHTML"}


def test_no_pattern_is_built_from_what_was_typed() -> None:
    """Patterns are put together from constants of the same module alone, if at all."""
    modules = [module for module in read_modules(ROOT / "membership") if module.parts[0] not in NO_PRODUCT]

    assert sorted({module.name for module in modules if any(_built_patterns(module))}) == []


def _built_patterns(module: Module) -> Iterator[ast.Call]:
    assigned = [target for node in module.tree.body if isinstance(node, ast.Assign) for target in node.targets]
    constants = {target.id for target in assigned if isinstance(target, ast.Name)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "re":
            # Capitals: a class, whose attribute is a constant too.
            names = {inner.id for inner in ast.walk(node.args[0]) if isinstance(inner, ast.Name) and not inner.id[0].isupper()}
            names -= set(dir(builtins))
            if names - constants:
                yield node


def test_cookies_and_links_are_signed_with_sha_256(make_settings: SettingsMaker) -> None:
    app = create_app(make_settings())
    app.extensions["kernel"].engine.dispose()
    cookie = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    link = make_token("key", "stop", "named", now=NOW)

    assert cookie.signer_kwargs["digest_method"] is hashlib.sha256
    assert [len(signed.rpartition(".")[2]) for signed in (cookie.dumps({}), link)] == [43, 43]


def test_the_browsers_storage_holds_nothing_about_anybody() -> None:
    kept = {
        name
        for path in STATIC.glob("*.js")
        for name in re.findall(r"(?:localStorage|sessionStorage|indexedDB|caches)\W+(?:setItem|open)\((\S+),", _code(path))
    }

    assert kept == {'"ask-away-until"'}


def test_no_script_and_no_sheet_comes_from_elsewhere() -> None:
    served = [path for path in STATIC.iterdir() if path.suffix in (".js", ".css")]

    assert [path.name for path in served if re.search(r"https?://|url\(['\"]?//", _code(path))] == []


def _code(path: Path) -> str:
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
