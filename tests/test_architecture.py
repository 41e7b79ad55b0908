"""The code keeps the rules of docs/architecture.md: who may import whom, one guess from address to template, sizes."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from membership.paths import ROOT
from tests.architecture import FEATURES, Module, broken_rules, read_modules

PACKAGE = ROOT / "membership"
TEMPLATES = ROOT / "templates"
MODULE_LINES, FUNCTION_LINES, TEMPLATE_LINES = 300, 40, 150
# What an address answers instead of its own page, in a state that has no address of its own.
PAGES_WITHOUT_ADDRESS = frozenset(
    {
        "accounts/dead_link",
        "accounts/enough_mails",
        "patronage/link_dead",
        "patronage/link_stop",
        "patronage/nothing_running",
        "patronage/thanks",
        "patronage/unreachable",
    }
)


def test_every_import_follows_the_rule() -> None:
    assert broken_rules(PACKAGE) == []


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("money.py", "from membership.voting import models", "the kernel knows no feature"),
        ("web/filters.py", "import membership.accounts.models", "the kernel knows no feature"),
        ("money.py", "import flask", "nothing below the forms knows the web"),
        ("money.py", "from membership.web import database", "nothing below the forms knows the web"),
        ("voting/services.py", "from flask import g", "nothing below the forms knows the web"),
        ("voting/services.py", "from membership.web.database import session", "nothing below the forms knows the web"),
        ("voting/services/ballots.py", "from wtforms import Form", "nothing below the forms knows the web"),
        ("voting/models.py", "from membership.voting import queries", "a lower layer knows nothing of a higher one"),
        ("voting/queries.py", "from membership.voting import services", "a lower layer knows nothing of a higher one"),
        ("voting/services.py", "from membership.voting.forms import BallotForm", "a lower layer knows nothing of a higher one"),
        ("voting/staff_views.py", "from membership.voting import views", "nobody imports an entry point"),
        ("voting/services.py", "from membership.credits.models import Award", "features know only those to their left"),
        ("voting/services.py", "from membership.patronage import services", "of another feature only models"),
        ("voting/services.py", "from membership.patronage.gateway import Gateway", "of another feature only models"),
        ("patronage/views.py", "from membership.voting import services", "an entry point reads any feature"),
        ("patronage/views.py", "from membership.voting.forms import BallotForm", "an entry point reads any feature"),
        ("voting/tally.py", "import sqlalchemy", "a pure rule knows no database"),
        ("voting/views.py", "import stripe", "only the gateway speaks to Stripe"),
        ("stripe_standin/api.py", "from membership import money", "the stand-in stands alone"),
        ("demo/build.py", "from membership.stripe_standin import api", "the stand-in stands alone"),
        ("voting/views.py", "from membership.app import create_app", "nobody imports where the parts meet"),
        ("voting/brand_new.py", "", "enter it in MODULES"),
        ("voting/helpers.py", "", "a name for everything"),
        ("web/utils/text.py", "", "a name for everything"),
        ("voting/services.py", "def close():\n    from membership.voting import queries", "an import hidden in close()"),
        ("voting/services.py", "if True:\n    import flask", "nothing below the forms knows the web"),
    ],
)
def test_a_broken_rule_is_noticed(tmp_path: Path, path: str, source: str, fault: str) -> None:
    package = small_tree(tmp_path, {path: source})

    assert [found for found in broken_rules(package) if fault in found] != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "voting/services.py",
            "from membership.patronage.queries import standing_of\nfrom membership.voting import queries, tally",
        ),
        ("voting/queries.py", "from membership.patronage import entitlement, models\nfrom membership import clock"),
        ("patronage/views.py", "from membership.voting import queries\nfrom membership.accounts import services\nimport flask"),
        ("credits/jobs.py", "from membership.voting.services import publish"),
        ("credits/cli.py", "from membership.credits.jobs import jobs"),
        ("patronage/gateway.py", "import stripe"),
        ("stripe_standin/api.py", "import flask, stripe\nfrom membership.stripe_standin import store"),
        ("app.py", "from membership.voting import views, staff_views"),
        ("demo/build.py", "from membership.voting import services"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, path: str, source: str) -> None:
    assert broken_rules(small_tree(tmp_path, {path: source})) == []


def test_no_module_is_too_long() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}

    assert {str(path): lines for path, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{module.name}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_no_template_is_too_long() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in pages(TEMPLATES)}

    assert {str(path): lines for path, lines in lengths.items() if lines > TEMPLATE_LINES} == {}


@pytest.mark.parametrize("feature", [*FEATURES, "demo"])
def test_a_page_bears_the_name_of_its_view(feature: str) -> None:
    named = {path.stem for path in pages(TEMPLATES / feature) if not path.name.startswith("_")}
    views = {function.name for function in view_functions(feature)}

    assert sorted(f"{feature}/{name}" for name in named - views if f"{feature}/{name}" not in PAGES_WITHOUT_ADDRESS) == []


@pytest.mark.parametrize("feature", [*FEATURES, "demo"])
def test_an_endpoint_bears_the_name_of_its_function(feature: str) -> None:
    renamed = [
        function.name
        for function in view_functions(feature)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and any(keyword.arg == "endpoint" for keyword in decorator.keywords)
    ]

    assert renamed == []


@pytest.mark.parametrize("feature", [*FEATURES, "demo"])
def test_a_view_renders_pages_of_its_own_feature_only(feature: str) -> None:
    strings = {
        node.value
        for module in product()
        if module.area == feature and has_views(module)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".html")
    }
    rendered = {name for name in strings if "/" in name.strip("/")}

    assert sorted(name for name in rendered if name.split("/")[0] not in (feature, "macros", "layouts")) == []


@lru_cache(maxsize=1)
def product() -> list[Module]:
    """Return the product's modules, parsed once."""
    return read_modules(PACKAGE)


def small_tree(folder: Path, sources: dict[str, str]) -> Path:
    """Write a package with a few empty modules of each kind, and these."""
    package = folder / "membership"
    empty = {
        f"{feature}/{module}.py": ""
        for feature in FEATURES
        for module in ("__init__", "models", "queries", "forms", "views", "staff_views", "jobs")
    }
    kernel = dict.fromkeys(("app.py", "money.py", "clock.py", "web/database.py", "stripe_standin/store.py", "voting/tally.py"), "")
    further = dict.fromkeys(("patronage/entitlement.py", "patronage/gateway.py"), "")
    services = {} if any("services/" in path for path in sources) else {f"{feature}/services.py": "" for feature in FEATURES}
    for path, source in (empty | kernel | further | services | sources).items():
        target = package / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, encoding="utf-8")
    return package


def pages(folder: Path) -> list[Path]:
    """Return the templates under a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".txt", ".xml"))


def has_views(module: Module) -> bool:
    """Tell whether a module answers addresses."""
    return module.parts[-1].endswith("views") or module.parts[-1] == "webhooks"


def view_functions(feature: str) -> Iterator[ast.FunctionDef]:
    """Give each function of a feature that answers an address."""
    for module in product():
        if module.area == feature and has_views(module):
            yield from (node for node in module.tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list)
