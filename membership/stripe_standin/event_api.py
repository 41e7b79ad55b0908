"""The API of events."""

from fnmatch import fnmatchcase

from stripe import params as p

from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, page
from membership.stripe_standin.store import Ledger

MOST_TYPES = 20


@operation("GET", "/v1/events/<event_id>", p.EventRetrieveParams, "event")
def retrieve(ledger: Ledger, values: Json, event_id: str) -> Json:
    """Return an event."""
    return ledger.get("event", event_id)


@operation("GET", "/v1/events", p.EventListParams, "event", f"{PAGING} created delivery_success type types")
def list_events(ledger: Ledger, values: Json) -> Json:
    """List events by type (`charge.*` is a group), by several types, by time, or by whether they were delivered."""
    if "type" in values and "types" in values:
        raise ApiError("You may only specify one of these parameters: type, types.")
    types = values.get("types", [values["type"]] if "type" in values else [])
    if len(types) > MOST_TYPES:
        raise ApiError(f"You may pass up to {MOST_TYPES} types.", param="types")
    rows = created_within(ledger.select("event"), values.get("created"))
    if types:
        rows = [row for row in rows if any(fnmatchcase(row["type"], wanted) for wanted in types)]
    if "delivery_success" in values:
        failing = {row[0] for row in ledger.execute("SELECT DISTINCT event FROM delivery WHERE state <> 'delivered'")}
        rows = [row for row in rows if (row["id"] not in failing) == values["delivery_success"]]
    return page(ledger, rows, values, "/v1/events", "event")
