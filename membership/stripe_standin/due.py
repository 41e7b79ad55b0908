"""Do what falls due by itself: renew subscriptions, end them, expire sessions."""

from membership.stripe_standin.billing import end, renew
from membership.stripe_standin.checkout_sessions import expire
from membership.stripe_standin.errors import Json
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
    if body["object"] == "checkout.session":
        expire(ledger, body)
    elif body["cancel_at"] is not None and body["cancel_at"] <= ledger.now:
        end(ledger, body)
    else:
        renew(ledger, body)
