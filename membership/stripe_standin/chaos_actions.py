"""Control actions on chaos."""

import json

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.chaos import calm, current, set_chaos
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.store import Ledger


@action("chaos")
def set_faults(ledger: Ledger, wish: Wish) -> Json:
    """Set faults, given as JSON in `settings`, or one by the fields `fault`, `next` or `rate`, `seed` and `options`; report."""
    wanted = _object(wish, "settings")
    if fault := wish.values.get("fault"):
        wanted = {fault: {**_object(wish, "options"), **_how_often(wish)}}
    set_chaos(ledger, wanted)
    return current(ledger)


@action("calm")
def calm_down(ledger: Ledger, wish: Wish) -> Json:
    """Switch every fault off; report."""
    calm(ledger)
    return current(ledger)


def _how_often(wish: Wish) -> Json:
    found = {name: _number(wish, name) for name in ("next", "rate", "seed") if wish.values.get(name)}
    if "rate" in found:
        found.pop("next", None)  # the page's form always has one
    return found


def _number(wish: Wish, name: str) -> int | float:
    try:
        return float(wish.values[name]) if name == "rate" else int(wish.values[name])
    except ValueError as error:
        raise ApiError(f"Give {name} as a number.", param=name) from error


def _object(wish: Wish, name: str) -> Json:
    try:
        found = json.loads(wish.values.get(name) or "{}")
    except ValueError as error:
        raise ApiError(f"Give {name} as JSON.", param=name) from error
    if not isinstance(found, dict):
        raise ApiError(f"Give {name} as a JSON object.", param=name)
    return found
