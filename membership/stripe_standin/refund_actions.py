"""Control actions on money that goes back: refunds and disputes."""

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.collection import subscription_of
from membership.stripe_standin.disputes import REASONS, answer, close, dispute
from membership.stripe_standin.errors import Json, resource_missing
from membership.stripe_standin.refunds import arrive, fail_refund, refund
from membership.stripe_standin.store import Ledger

FAILURES = ("expired_or_canceled_card", "lost_or_stolen_card", "declined", "insufficient_funds", "unknown")


@action("refund")
def refund_now(ledger: Ledger, wish: Wish) -> Json:
    """Refund a charge, or the latest paid charge of a subscription, in full or by the amount given."""
    charge = charge_of(ledger, wish.id)
    return refund(ledger, charge, _amount(wish, charge), "requested_by_customer", {})


def _amount(wish: Wish, charge: Json) -> int | None:
    return wish.number("amount", 1, charge["amount"]) if wish.values.get("amount") else None


def charge_of(ledger: Ledger, key: str) -> Json:
    """Return the charge named, or the latest paid charge of the subscription named."""
    return ledger.find("charge", key) or _latest_charge(ledger, key)


def _latest_charge(ledger: Ledger, subscription_id: str) -> Json:
    customer = ledger.get("subscription", subscription_id)["customer"]
    for invoice in ledger.select("invoice", {"customer": customer, "status": "paid"}):
        if subscription_of(invoice) == subscription_id and invoice["amount_due"]:
            payment = ledger.select("invoice_payment", {"invoice": invoice["id"]})[0]["payment"]
            return ledger.get("charge", ledger.get("payment_intent", payment["payment_intent"])["latest_charge"])
    raise resource_missing("charge", subscription_id)


@action("fail-refund")
def fail_refund_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the bank send a refund back, for the reason given."""
    return fail_refund(ledger, ledger.get("refund", wish.id), wish.choice("reason", FAILURES))


@action("settle-refund")
def settle_refund_now(ledger: Ledger, wish: Wish) -> Json:
    """Let a refund arrive that is on its way to a bank account."""
    return arrive(ledger, ledger.get("refund", wish.id))


@action("dispute")
def dispute_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the payer dispute a charge, or the latest one of a subscription, for the reason and the amount given."""
    charge = charge_of(ledger, wish.id)
    return dispute(ledger, charge, wish.choice("reason", REASONS), _amount(wish, charge))


@action("answer-dispute")
def answer_dispute_now(ledger: Ledger, wish: Wish) -> Json:
    """Send evidence, as the dashboard does: the bank then reviews it."""
    return answer(ledger, ledger.get("dispute", wish.id), {"uncategorized_text": "Sent from the control page."})


@action("close-dispute")
def close_dispute_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the bank decide a dispute: lost unless said otherwise."""
    return close(ledger, ledger.get("dispute", wish.id), wish.choice("status", ("lost", "won")))
