"""Control actions on subscriptions and their bills."""

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.billing import recover, renew, set_outcome
from membership.stripe_standin.collection import collect
from membership.stripe_standin.dunning import exhaust
from membership.stripe_standin.endings import cancel_at_period_end, end, refuse_ended
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.invoices import open_invoices
from membership.stripe_standin.settings import CHOICES, turn
from membership.stripe_standin.store import Ledger

OUTCOMES = ("paid", "declined", "insufficient", "expired", "authentication")


@action("renew")
def renew_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the next period begin and its payment come out as wished, now and later; paid unless said otherwise."""
    subscription = ledger.get("subscription", wish.id)
    set_outcome(ledger, subscription, wish.choice("outcome", OUTCOMES))
    return renew(ledger, subscription)


@action("fail")
def fail_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the next period begin and its payment be declined."""
    subscription = ledger.get("subscription", wish.id)
    set_outcome(ledger, subscription, "declined")
    return renew(ledger, subscription)


@action("retry")
def retry_now(ledger: Ledger, wish: Wish) -> Json:
    """Make the next automatic attempt now, for each open invoice; it is declined unless said otherwise."""
    subscription = _owing(ledger, wish.id)
    set_outcome(ledger, subscription, wish.choice("outcome", ("declined", *(name for name in OUTCOMES if name != "declined"))))
    for invoice in open_invoices(ledger, subscription["id"]):
        # An attempt may end the subscription, and with it the asking.
        if ledger.get("invoice", invoice["id"])["auto_advance"]:
            collect(ledger, invoice)
    return ledger.get("subscription", subscription["id"])


@action("exhaust")
def exhaust_now(ledger: Ledger, wish: Wish) -> Json:
    """Let every retry have failed: the subscription becomes what dunning is set to."""
    return exhaust(ledger, _owing(ledger, wish.id))


def _owing(ledger: Ledger, key: str) -> Json:
    """Return a subscription that owes something."""
    subscription = ledger.get("subscription", key)
    refuse_ended(subscription)
    if not open_invoices(ledger, key):
        raise ApiError("This subscription has no open invoice.", param="id")
    return subscription


@action("dunning")
def set_dunning(ledger: Ledger, wish: Wish) -> Json:
    """Say what a subscription becomes when every retry has failed."""
    return _turned(ledger, "dunning", wish)


@action("first-debit")
def set_first_debit(ledger: Ledger, wish: Wish) -> Json:
    """Say what a subscription is while its first bank debit is in process."""
    return _turned(ledger, "first_debit", wish)


def _turned(ledger: Ledger, name: str, wish: Wish) -> Json:
    value = wish.choice("then", CHOICES[name])
    turn(ledger, name, value)
    return {"object": "setting", "name": name, "value": value}


@action("recover")
def recover_now(ledger: Ledger, wish: Wish) -> Json:
    """Let the card work again and pay what is open."""
    return recover(ledger, ledger.get("subscription", wish.id))


@action("cancel")
def cancel_now(ledger: Ledger, wish: Wish) -> Json:
    """End a subscription at once."""
    return end(ledger, ledger.get("subscription", wish.id))


@action("cancel-at-period-end")
def cancel_later(ledger: Ledger, wish: Wish) -> Json:
    """End a subscription with its period."""
    return cancel_at_period_end(ledger, ledger.get("subscription", wish.id))
