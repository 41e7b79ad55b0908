"""Reads a source tree's imports and shape and says where they break the rules of docs/architecture.md; knows no app code.

A new module has to be entered in MODULES, so that somebody decides where it stands.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class Layer(IntEnum):
    """Inside a feature a module imports from its own layer or a lower one; nobody imports an entry point."""

    MODELS = 0
    PURE = 1  # rules: no database, no Flask
    QUERIES = 2
    GATEWAY = 2  # the same as the queries' on purpose
    SERVICES = 3
    FORMS = 4  # from here upwards Flask may be known
    JOBS = 5
    ENTRY = 6  # views, staff_views, webhooks, cli


FEATURES = ("accounts", "articles", "patronage", "voting", "credits", "staff")
EVERYWHERE = {
    "models": Layer.MODELS,
    "queries": Layer.QUERIES,
    "personal": Layer.QUERIES,
    "services": Layer.SERVICES,
    "forms": Layer.FORMS,
    "jobs": Layer.JOBS,
    "views": Layer.ENTRY,
    "staff_views": Layer.ENTRY,
    "webhooks": Layer.ENTRY,
    "cli": Layer.ENTRY,
}
MODULES: dict[str, dict[str, Layer]] = {
    "accounts": {
        "addresses": Layer.PURE,
        "sign_in_rules": Layer.PURE,
        "login": Layer.FORMS,
        "ceremonies": Layer.PURE,
        "recovery_codes": Layer.PURE,
        "staff_queries": Layer.QUERIES,
        "duties": Layer.FORMS,
        "passkey_forms": Layer.FORMS,
        "role_forms": Layer.FORMS,
        "passkey_letters": Layer.JOBS,
        "passkey_views": Layer.ENTRY,
        "role_views": Layer.ENTRY,
        "device_views": Layer.ENTRY,
        "address_rules": Layer.PURE,
        "mail_links": Layer.PURE,
        "address_changes": Layer.QUERIES,
        "address_forms": Layer.FORMS,
        "address_letters": Layer.JOBS,
        "address_views": Layer.ENTRY,
        "mail_views": Layer.ENTRY,
        "closures": Layer.QUERIES,
        "personal_words": Layer.FORMS,
        "closing_letters": Layer.JOBS,
        "privacy_views": Layer.ENTRY,
    },
    "articles": {
        "imported_article": Layer.PURE,
        "sanitising": Layer.PURE,
        "body": Layer.PURE,
        "foot": Layer.PURE,
        "drafts": Layer.PURE,
        "newsroom_texts": Layer.QUERIES,
        "text_forms": Layer.FORMS,
        "structured_data": Layer.QUERIES,
        "markdown_reader": Layer.PURE,
        "wordpress_reader": Layer.PURE,
        "readers": Layer.PURE,
    },
    "patronage": {
        "asks": Layer.PURE,
        "calendar": Layer.PURE,
        "bank_statement": Layer.PURE,
        "patreon_sheet": Layer.PURE,
        "sheets": Layer.PURE,
        "checks": Layer.QUERIES,
        "delayed": Layer.QUERIES,
        "drift": Layer.QUERIES,
        "keeping": Layer.QUERIES,
        "keeping_words": Layer.FORMS,
        "staff_money_forms": Layer.FORMS,
        "duplicates": Layer.PURE,
        "entitlement": Layer.PURE,
        "leaving": Layer.PURE,
        "renewals": Layer.PURE,
        "links": Layer.PURE,
        "shapes": Layer.PURE,
        "signature": Layer.PURE,
        "gift_codes": Layer.PURE,
        "patreon": Layer.QUERIES,
        "transfers": Layer.QUERIES,
        "sheet_words": Layer.FORMS,
        "transfer_forms": Layer.FORMS,
        "staff_transfer_forms": Layer.FORMS,
        "transfer_letters": Layer.JOBS,
        "transfer_views": Layer.ENTRY,
        "staff_patreon_views": Layer.ENTRY,
        "staff_transfer_views": Layer.ENTRY,
        "gateway": Layer.GATEWAY,
        "contracts": Layer.QUERIES,
        "account": Layer.QUERIES,
        "giving": Layer.QUERIES,
        "people": Layer.QUERIES,
        "person": Layer.QUERIES,
        "receipts": Layer.QUERIES,
        "refundable": Layer.QUERIES,
        "twins": Layer.QUERIES,
        "account_forms": Layer.FORMS,
        "checkout_pages": Layer.FORMS,
        "giving_forms": Layer.FORMS,
        "receipt_words": Layer.FORMS,
        "staff_forms": Layer.FORMS,
        "support_pages": Layer.FORMS,
        "typed_amounts": Layer.FORMS,
        "change_letters": Layer.JOBS,
        "giving_letters": Layer.JOBS,
        "money_letters": Layer.JOBS,
        "reminder_letters": Layer.JOBS,
        "account_views": Layer.ENTRY,
        "giving_views": Layer.ENTRY,
        "link_views": Layer.ENTRY,
        "receipt_views": Layer.ENTRY,
        "twin_letters": Layer.JOBS,
        "twin_views": Layer.ENTRY,
        "staff_address_views": Layer.ENTRY,
        "staff_giving_views": Layer.ENTRY,
        "staff_money_views": Layer.ENTRY,
    },
    "voting": {
        "explanation": Layer.PURE,
        "lots": Layer.PURE,
        "paper": Layer.PURE,
        "receipts": Layer.PURE,
        "refusals": Layer.PURE,
        "roll": Layer.PURE,
        "slugs": Layer.PURE,
        "local_times": Layer.PURE,
        "presets": Layer.PURE,
        "round_list": Layer.QUERIES,
        "round_forms": Layer.FORMS,
        "titles": Layer.PURE,
        "trigrams": Layer.PURE,
        "places": Layer.QUERIES,
        "polling": Layer.QUERIES,
        "topic_queries": Layer.QUERIES,
        "topic_letters": Layer.JOBS,
        "topic_feed": Layer.QUERIES,
        "topic_forms": Layer.FORMS,
        "topic_staff_views": Layer.ENTRY,
        "topic_views": Layer.ENTRY,
        "tally": Layer.PURE,
        "keys": Layer.GATEWAY,
        "board": Layer.QUERIES,
        "box": Layer.QUERIES,
        "canonical": Layer.PURE,
        "certificate_forms": Layer.FORMS,
        "certificate_shape": Layer.PURE,
        "certificate_views": Layer.ENTRY,
        "certificates": Layer.QUERIES,
        "private_files": Layer.GATEWAY,
        "public_keys": Layer.PURE,
        "re_adding": Layer.PURE,
        "signing": Layer.GATEWAY,
        "verifying": Layer.PURE,
        "counting": Layer.QUERIES,
        "breakdowns": Layer.PURE,
        "charts": Layer.PURE,
        "alarm": Layer.QUERIES,
        "taking_part": Layer.QUERIES,
        "result_page": Layer.FORMS,
        "result_views": Layer.ENTRY,
        "count_staff_views": Layer.ENTRY,
        "ballot_words": Layer.FORMS,
        "box_staff_views": Layer.ENTRY,
        "checkers": Layer.QUERIES,
        "sealed": Layer.QUERIES,
        "shared_cards": Layer.QUERIES,
        "public": Layer.QUERIES,
        "voter": Layer.QUERIES,
        "round_letters": Layer.JOBS,
    },
    "credits": {
        "badges": Layer.PURE,
        "eligibility": Layer.PURE,
        "promises": Layer.PURE,
        "ledger": Layer.QUERIES,
        "closures": Layer.SERVICES,
        "drawing": Layer.SERVICES,
    },
    "staff": {
        "spreadsheet": Layer.PURE,
        "act_words": Layer.FORMS,
        "audit_trail": Layer.QUERIES,
        "doctor": Layer.QUERIES,
        "figures": Layer.QUERIES,
    },
}
PRIVATE = frozenset({"gateway", "keys", "private_files", "signing"})  # of the query layer, yet no other feature's business
WEB_LIBRARIES = frozenset({"flask", "flask_babel", "flask_login", "flask_wtf", "jinja2", "werkzeug", "wtforms"})
JUNK_DRAWERS = frozenset({"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"})
EXEMPT = ("app", "demo")  # where the parts meet; the demo is built through everything
STAND_IN = "stripe_standin"


@dataclass(frozen=True)
class Module:
    """One module of the package; parts leaves out the package's own name."""

    parts: tuple[str, ...]
    tree: ast.Module

    @property
    def name(self) -> str:
        return ".".join(self.parts)

    @property
    def area(self) -> str:
        """The feature, "web", "demo", the stand-in, or "" for the kernel's own modules."""
        return self.parts[0] if len(self.parts) > 1 else ""

    @property
    def layer(self) -> Layer | None:
        """Where it stands in its feature; None if nobody has decided that."""
        return layer_of(self.parts)


def layer_of(parts: tuple[str, ...]) -> Layer | None:
    """Return the layer of a feature's module; a package of services stands where a module of that name would."""
    return MODULES.get(parts[0], {}).get(parts[1]) or EVERYWHERE.get(parts[1]) if len(parts) > 1 else None


def read_modules(package: Path) -> list[Module]:
    """Parse every module of a package."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        found.append(Module(parts[:-1] if parts[-1] == "__init__" else parts, ast.parse(path.read_text(encoding="utf-8"))))
    return [module for module in found if module.parts]


def broken_rules(package: Path) -> list[str]:
    """Return one line for each thing that the architecture forbids."""
    modules = read_modules(package)
    names = {module.parts for module in modules}
    return sorted({fault for module in modules for fault in _faults(module, package.name, names)})


def imported_by(module: Module, package: str, names: set[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Give every module that this one imports, wherever the import stands; of the package without its name, else in full."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            base = tuple(node.module.split("."))
            submodules = [(*base, alias.name) for alias in node.names if (*base[1:], alias.name) in names]
            targets = submodules or [base]
        else:
            continue
        yield from targets


def _faults(module: Module, package: str, names: set[tuple[str, ...]]) -> Iterator[str]:
    yield from _shape_faults(module)
    for target in imported_by(module, package, names):
        reason = _inner_fault(module, target[1:]) if target[0] == package else _library_fault(module, target[0])
        if reason:
            yield f"{module.name} imports {'.'.join(target)}: {reason}"


def _shape_faults(module: Module) -> Iterator[str]:
    if JUNK_DRAWERS & set(module.parts):
        yield f"{module.name}: a name for everything is a name for nothing"
    if module.area in FEATURES and module.layer is None:
        yield f"{module.name}: enter it in MODULES, so that its layer is decided"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            if hidden:
                yield f"{module.name}: an import hidden in {node.name}()"


def _library_fault(module: Module, library: str) -> str | None:
    if module.area == STAND_IN:
        return None
    if library == "stripe" and module.parts[:2] != ("patronage", "gateway"):
        return "only the gateway speaks to Stripe"
    if library == "sqlalchemy" and module.layer == Layer.PURE:
        return "a pure rule knows no database"
    if library in WEB_LIBRARIES and not _may_know_the_web(module):
        return "nothing below the forms knows the web"
    return None


def _may_know_the_web(module: Module) -> bool:
    if module.area in FEATURES:
        return module.layer is not None and module.layer >= Layer.FORMS
    return module.area == "web" or module.parts[0] in EXEMPT


def _inner_fault(module: Module, target: tuple[str, ...]) -> str | None:
    if STAND_IN in (module.area, *target[:1]):
        return None if target[:1] == (module.area,) else "the stand-in stands alone, and nobody knows of it"
    if module.parts[0] in EXEMPT or not target:
        return None
    if target[0] in EXEMPT:
        return "nobody imports where the parts meet"
    if module.area in FEATURES:
        return _feature_fault(module, target)
    if target[0] in FEATURES:
        return "the kernel knows no feature"
    return "nothing below the forms knows the web" if target[0] == "web" and module.area != "web" else None


def _feature_fault(module: Module, target: tuple[str, ...]) -> str | None:
    own = module.layer
    if own is None:
        return None  # said already
    if target[0] not in FEATURES:
        return "nothing below the forms knows the web" if target[0] == "web" and own < Layer.FORMS else None
    theirs = layer_of(target)
    if theirs is None:
        return f"the layer of {'.'.join(target)} is not decided"
    if target[0] == module.area:
        return _own_fault(own, theirs)
    return _foreign_fault(module.area, own, target, theirs)


def _own_fault(own: Layer, theirs: Layer) -> str | None:
    if theirs == Layer.ENTRY:
        return "nobody imports an entry point"
    return None if theirs <= own else "a lower layer knows nothing of a higher one"


def _foreign_fault(area: str, own: Layer, target: tuple[str, ...], theirs: Layer) -> str | None:
    is_left = FEATURES.index(target[0]) < FEATURES.index(area)
    is_readable = theirs <= Layer.QUERIES and target[1] not in PRIVATE
    if own >= Layer.JOBS:
        if is_readable or (theirs == Layer.SERVICES and is_left):
            return None
        return "an entry point reads any feature and calls services of features to its left, nothing else"
    if not is_left:
        return "features know only those to their left"
    return None if is_readable else "of another feature only models, queries and pure rules are known"
