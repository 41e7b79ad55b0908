"""Cut lists into pages with Stripe's cursors."""

from membership.stripe_standin.errors import ApiError, Json, resource_missing
from membership.stripe_standin.operations import picked
from membership.stripe_standin.render import list_of
from membership.stripe_standin.store import Ledger

MOST, USUAL = 100, 10
_REFERENCES = frozenset({"charge", "customer", "invoice", "payment_intent", "price", "product", "subscription"})


def page(ledger: Ledger, rows: list[Json], params: Json, url: str, kind: str) -> Json:
    """Return one page of rows, which come in the order of the list."""
    limit = params.get("limit", USUAL)
    if not 1 <= limit <= MOST:
        raise ApiError(f"Invalid limit: must be between 1 and {MOST}", code="parameter_invalid_integer", param="limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise ApiError("You may only specify one of these parameters: ending_before, starting_after.")
    if before:
        end = _place(ledger, rows, before, kind, "ending_before").start
        start = max(0, end - limit)
        return list_of(ledger, rows[start:end], url, has_more=start > 0)
    start = _place(ledger, rows, after, kind, "starting_after").stop if after else 0
    return list_of(ledger, rows[start : start + limit], url, has_more=start + limit < len(rows))


def _place(ledger: Ledger, rows: list[Json], key: str, kind: str, param: str) -> range:
    """Return where the cursor stands among the rows; an empty place between two of them, if the filter no longer lets it in."""
    for index, row in enumerate(rows):
        if row["id"] == key:
            return range(index, index + 1)
    every = [row["id"] for row in ledger.select(kind)]  # newest first
    if key not in every:
        raise resource_missing(kind, key, param=param, status=400)
    newer = set(every[: every.index(key)])
    start = sum(row["id"] in newer for row in rows)
    return range(start, start)


def filters(ledger: Ledger, values: Json, *names: str) -> Json:
    """Return those of the named parameters that the request has; an id must name something."""
    found = picked(values, *names)
    for name in found.keys() & _REFERENCES:
        if ledger.find(name, found[name]) is None:
            raise resource_missing(name, found[name], param=name, status=400)
    return found


def created_within(rows: list[Json], wanted: int | Json | None, field: str = "created") -> list[Json]:
    """Keep the rows created at this second, or within gt, gte, lt, lte."""
    if wanted is None:
        return rows
    limits: dict[str, int] = wanted if isinstance(wanted, dict) else {"gte": wanted, "lte": wanted}
    return [row for row in rows if _is_within(row[field], limits)]


def _is_within(instant: int, limits: dict[str, int]) -> bool:
    return limits.get("gt", instant - 1) < instant < limits.get("lt", instant + 1) and limits.get(
        "gte", instant
    ) <= instant <= limits.get("lte", instant)
