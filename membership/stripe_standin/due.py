"""Do what falls due by itself: renewals, ends, retries, debits and refunds that arrive, and what lapses unanswered."""

from collections.abc import Callable

from membership.stripe_standin.billing import renew
from membership.stripe_standin.checkout_sessions import expire
from membership.stripe_standin.collection import retry
from membership.stripe_standin.disputes import lapse
from membership.stripe_standin.endings import end
from membership.stripe_standin.errors import Json
from membership.stripe_standin.pauses import is_over, resume
from membership.stripe_standin.pending_updates import drop, is_expired
from membership.stripe_standin.refunds import arrive
from membership.stripe_standin.settlement import first_payment_is_late, settle_as_foreseen
from membership.stripe_standin.store import Ledger


def do_what_is_due(ledger: Ledger) -> None:
    """Catch up to the ledger's time, oldest first, each thing dated when it fell due."""
    until = ledger.now
    sql = "SELECT id, at FROM due WHERE at <= ? ORDER BY at, id LIMIT 1"
    while row := ledger.execute(sql, until).fetchone():
        ledger.now = row[1]
        _do(ledger, ledger.anything(row[0]))
    ledger.now = until


def _do(ledger: Ledger, body: Json) -> None:
    _DUE[body["object"]](ledger, body)


def _look_at_subscription(ledger: Ledger, subscription: Json) -> None:
    if subscription["status"] == "incomplete":
        first_payment_is_late(ledger, subscription)
    elif is_over(subscription, ledger.now):
        resume(ledger, subscription)
    elif is_expired(subscription, ledger.now):
        drop(ledger, subscription)
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= ledger.now:
        end(ledger, subscription)
    else:
        renew(ledger, subscription)


_DUE: dict[str, Callable[[Ledger, Json], object]] = {
    "checkout.session": expire,
    "dispute": lapse,
    "invoice": retry,
    "payment_intent": settle_as_foreseen,
    "refund": arrive,
    "subscription": _look_at_subscription,
}
