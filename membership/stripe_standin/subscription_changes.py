"""Change what a subscription sells: another price or interval, with prorations and the invoice that follows.

One plan is made for the preview and for the update itself, so that both name the same numbers. As Stripe does:
- same interval: the period stays. `create_prorations` leaves credit and debit for the next invoice, `always_invoice`
  bills them at once, `none` makes none.
- another interval: a new anchor and a new period from now, billed at once whatever the behavior; only `none` gives no
  credit for the unused time.
A negative rest goes to the customer's balance (customer_balance.py).
"""

from dataclasses import dataclass, field

from membership.stripe_standin.billing import bill
from membership.stripe_standin.debits import remember_lines
from membership.stripe_standin.endings import UPDATED
from membership.stripe_standin.errors import ApiError, Json, resource_missing, unsupported
from membership.stripe_standin.events import change
from membership.stripe_standin.invoice_items import book_prorations, pending_lines
from membership.stripe_standin.invoice_lines import period_line, proration_lines
from membership.stripe_standin.invoices import new_invoice
from membership.stripe_standin.payment_errors import payment_refused
from membership.stripe_standin.pending_updates import announce, hold
from membership.stripe_standin.periods import period_start
from membership.stripe_standin.store import Ledger
from membership.stripe_standin.subscriptions import look_again, period_end


@dataclass(frozen=True)
class Plan:
    """What a change of items does: new fields of the subscription, prorations, whole periods, and when they are billed."""

    changes: Json
    prorations: list[Json] = field(default_factory=list)
    periods: list[Json] = field(default_factory=list)
    is_billed_now: bool = False
    private: Json = field(default_factory=dict)


def planned(ledger: Ledger, subscription: Json, values: Json) -> Plan:
    """Return what the wished items do; values are `items`, `proration_behavior` and `proration_date`."""
    before = subscription["items"]
    after = _new_items(ledger, before["data"], values["items"])
    behavior, at = values.get("proration_behavior", "create_prorations"), _proration_date(ledger, subscription, values)
    moves = _cadence(ledger, after) != _cadence(ledger, before["data"])
    if moves:
        after = _in_new_period(ledger, after)
    pairs = [(b, a) for b, a in zip(before["data"], after, strict=True) if moves or _sells(b) != _sells(a)]
    prorations = [line for b, a in pairs for line in proration_lines(ledger, subscription, b, a, at) if behavior != "none"]
    changes: Json = {"items": {**before, "data": after}}
    if not moves:
        return Plan(changes, prorations, [], bool(prorations) and behavior == "always_invoice")
    changes["billing_cycle_anchor"] = ledger.now
    if subscription["cancel_at_period_end"]:
        changes["cancel_at"] = after[0]["current_period_end"]
    private = {"period": 0, "previous_start": before["data"][0]["current_period_start"]}
    periods = [period_line(ledger, subscription, item) for item in after]
    return Plan(changes, prorations, periods, is_billed_now=True, private=private)


def _new_items(ledger: Ledger, items: list[Json], wishes: list[Json]) -> list[Json]:
    """Return the items under their new prices and quantities."""
    found = {item["id"]: item for item in items}
    for index, wish in enumerate(wishes):
        path = f"items[{index}]"
        if "id" not in wish:
            raise unsupported(f"{path} without id, which would add a second item beside the first")
        if wish["id"] not in found:
            raise resource_missing("subscription_item", wish["id"], param=f"{path}[id]", status=400)
        item = found[wish["id"]]
        price = item["price"] if "price" not in wish else _sellable(ledger, items, wish["price"], f"{path}[price]")
        found[item["id"]] = {**item, "price": price, "quantity": _quantity(wish, item, path)}
    return list(found.values())


def _quantity(wish: Json, item: Json, path: str) -> int:
    quantity = int(wish["quantity"] if "quantity" in wish else item["quantity"])
    if quantity < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param=f"{path}[quantity]")
    return quantity


def _sellable(ledger: Ledger, items: list[Json], price_id: str, path: str) -> str:
    """Return the id of an active recurring price in the subscription's currency."""
    price = ledger.refer("price", price_id, path)
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise ApiError(message, code="price_inactive", param=path)
    if not price["recurring"]:
        raise ApiError("The price specified is set to `type=one_time` but this field only accepts recurring prices.", param=path)
    currency = ledger.get("price", items[0]["price"])["currency"]
    if price["currency"] != currency:
        raise ApiError(f"The price specified only supports `{price['currency']}`. This doesn't match `{currency}`.", param=path)
    return price_id


def _cadence(ledger: Ledger, items: list[Json]) -> tuple[str, int]:
    """Return the one interval of all items."""
    recurring = [ledger.get("price", item["price"])["recurring"] for item in items]
    found = {(each["interval"], each["interval_count"]) for each in recurring}
    if len(found) > 1:
        raise unsupported("items with different intervals")
    return found.pop()


def _sells(item: Json) -> tuple[str, int]:
    return item["price"], item["quantity"]


def _in_new_period(ledger: Ledger, items: list[Json]) -> list[Json]:
    interval, count = _cadence(ledger, items)
    end = period_start(ledger.now, interval, count, 1)
    return [{**item, "current_period_start": ledger.now, "current_period_end": end} for item in items]


def _proration_date(ledger: Ledger, subscription: Json, values: Json) -> int:
    """Return the instant that credits and debits are counted from; it must lie in the current period."""
    at: int = values.get("proration_date", ledger.now)
    begin = subscription["items"]["data"][0]["current_period_start"]
    if not begin <= at <= period_end(subscription):
        raise ApiError("Cannot specify `proration_date` outside of the current billing period.", param="proration_date")
    return at


def carry_out(ledger: Ledger, subscription: Json, plan: Plan, more: Json, payment_behavior: str) -> Json:
    """Change the subscription as planned, together with its other new fields, and bill what is billed at once."""
    if not plan.is_billed_now:
        remember_lines(ledger, book_prorations(ledger, subscription, plan.prorations))
        return _changed(ledger, subscription, {**plan.changes, **more}, plan.private)
    waiting = pending_lines(ledger, subscription["id"])
    debits = ledger.private(subscription["id"]).get("debits", {})
    lines = [*waiting, *book_prorations(ledger, subscription, plan.prorations), *plan.periods]
    invoice = new_invoice(ledger, subscription, "subscription_update", lines)
    if payment_behavior == "pending_if_incomplete":
        return _if_paid(ledger, subscription, plan, invoice, debits)
    changed = _changed(ledger, subscription, {**plan.changes, **more, "latest_invoice": invoice["id"]}, plan.private)
    billed = bill(ledger, changed, invoice, "Subscription update")
    if payment_behavior == "error_if_incomplete" and billed["status"] == "open":
        # Everything that this request did is undone with the refusal.
        raise payment_refused(ledger, billed, keep=False)
    return ledger.get("subscription", subscription["id"])


def _changed(ledger: Ledger, subscription: Json, changes: Json, private: Json) -> Json:
    if private:
        ledger.remember(subscription["id"], **private)
    changed = change(ledger, subscription, UPDATED, **changes)
    look_again(ledger, changed)
    return changed


def _if_paid(ledger: Ledger, subscription: Json, plan: Plan, invoice: Json, debits: Json) -> Json:
    """Bill first: the change is applied when its invoice is paid, at once or within 23 hours."""
    private = {**plan.private, "debits": ledger.private(subscription["id"])["debits"]}
    ledger.remember(subscription["id"], debits=debits)
    hold(ledger, subscription, invoice, plan.changes, private)
    subscription = change(ledger, subscription, None, latest_invoice=invoice["id"])
    if bill(ledger, subscription, invoice, "Subscription update")["status"] == "paid":
        return ledger.get("subscription", subscription["id"])
    return announce(ledger, ledger.get("subscription", subscription["id"]))
