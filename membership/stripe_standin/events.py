"""Write an event beside every change, in the same transaction, and queue it for the webhook endpoints."""

from typing import Any

from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.render import public
from membership.stripe_standin.store import Ledger

API_VERSION = "2026-10-28.endive"


def emit(ledger: Ledger, type_: str, body: Json, previous: Json | None = None) -> Json:
    """Record that something happened, with a full snapshot of the object."""
    data: Json = {"object": public(ledger, body)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = ledger.add(
        {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": ledger.now,
            "data": data,
            "pending_webhooks": 0,
            "request": {"id": ledger.request_id, "idempotency_key": ledger.idempotency_key},
            "type": type_,
        }
    )
    for endpoint in ledger.select("webhook_endpoint", {"status": "enabled"}):
        if "*" in endpoint["enabled_events"] or type_ in endpoint["enabled_events"]:
            queue(ledger, event["id"], endpoint["id"])
    return event


def queue(ledger: Ledger, event_id: str, endpoint_id: str) -> None:
    """Put an event at the head of the line for one endpoint, also if it was delivered or given up before."""
    ledger.execute("DELETE FROM delivery WHERE event = ? AND endpoint = ?", event_id, endpoint_id)
    sql = "INSERT INTO delivery (event, endpoint, state, next_at) VALUES (?, ?, 'pending', ?)"
    ledger.execute(sql, event_id, endpoint_id, ledger.now)


def change(ledger: Ledger, body: Json, type_: str | None, **values: Any) -> Json:
    """Save changed fields of an object and emit the event with the previous attributes if anything changed."""
    before = public(ledger, body)
    changed = ledger.save({**body, **values})
    previous = difference(before, public(ledger, changed))
    if type_ and previous:
        emit(ledger, type_, changed, previous)
    return changed


def difference(before: Json, after: Json) -> Json:
    """Return the old values of what differs; hashes part by part, arrays whole, new keys as null."""
    found: Json = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        found[name] = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    return found
