"""What the control page shows: subscriptions, one-off charges, events and their deliveries."""

from membership.stripe_standin import chaos
from membership.stripe_standin.control_money import money, owed
from membership.stripe_standin.errors import Json
from membership.stripe_standin.portal_sessions import newest_url
from membership.stripe_standin.render import public
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import LIVE, period_end

MOST_ROWS, MOST_EVENTS = 50, 100


def overview(ledger: Ledger) -> Json:
    """Return everything that the control page shows, newest first."""
    subscriptions = ledger.select("subscription")
    of_invoices = {payment["payment"]["payment_intent"] for payment in ledger.select("invoice_payment")}
    one_off = [row for row in ledger.select("charge") if row["paid"] and row["payment_intent"] not in of_invoices]
    return {
        "now": ledger.now,
        "subscriptions": [_subscription(ledger, row) for row in subscriptions[:MOST_ROWS]],
        "subscription_count": len(subscriptions),
        "charges": [_charge(charge) for charge in one_off[:MOST_ROWS]],
        "endpoints": [_endpoint(row) for row in ledger.select("webhook_endpoint")],
        "events": deliveries(ledger),
        "pending": _count(ledger, "pending"),
        "given_up": _count(ledger, "given_up"),
        **money(ledger),
        "chaos": chaos.current(ledger),
        "chaos_faults": list(chaos.FAULTS),
    }


def _subscription(ledger: Ledger, subscription: Json) -> Json:
    item = public(ledger, subscription)["items"]["data"][0]
    customer = ledger.anything(subscription["customer"])
    return {
        "id": subscription["id"],
        "email": customer.get("email"),
        "status": subscription["status"],
        "is_live": subscription["status"] in LIVE,
        "amount": item["price"]["unit_amount"] * item["quantity"],
        "currency": subscription["currency"],
        "recurring": item["price"]["recurring"],
        "period_end": period_end(subscription),
        "cancel_at": subscription["cancel_at"],
        "pause_collection": subscription["pause_collection"],
        "portal": newest_url(ledger, subscription["customer"]),
        "customer": subscription["customer"],
        "is_deleted": bool(customer.get("deleted")),
        "owed": owed(ledger, subscription["id"]),
    }


def _charge(charge: Json) -> Json:
    names = ("id", "amount", "amount_refunded", "currency", "refunded", "created")
    return {**{name: charge[name] for name in names}, "email": charge["billing_details"]["email"]}


def _endpoint(endpoint: Json) -> Json:
    return {name: endpoint[name] for name in ("id", "url", "status")}


def _count(ledger: Ledger, state: str) -> int:
    return int(ledger.execute("SELECT count(*) FROM delivery WHERE state = ?", state).fetchone()[0])


def deliveries(ledger: Ledger) -> list[Json]:
    """Return the latest events with how each delivery stands."""
    sql = """SELECT json_extract(o.body, '$.id'), json_extract(o.body, '$.type'), json_extract(o.body, '$.created'),
                    d.state, d.attempts, d.next_at,
                    (SELECT coalesce(a.status || ' ', '') || a.detail FROM attempt a
                     WHERE a.event = d.event AND a.endpoint = d.endpoint ORDER BY a.rowid DESC LIMIT 1)
             FROM object o LEFT JOIN delivery d ON d.event = o.id
             WHERE o.kind = 'event' ORDER BY o.seq DESC LIMIT ?"""
    names = ("id", "type", "created", "state", "attempts", "next_at", "last")
    return [dict(zip(names, row, strict=True)) for row in ledger.execute(sql, MOST_EVENTS)]
