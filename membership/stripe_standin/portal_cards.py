"""What saving a card in the customer portal does."""

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.cards import new_payment_method
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change
from membership.stripe_standin.settings import CHOICES, setting, turn
from membership.stripe_standin.store import Ledger


def save_card(ledger: Ledger, customer: Json, number: str) -> Json:
    """Attach a card, make it the customer's default, and let the subscriptions be charged with it; return the customer.

    Stripe documents of the portal's payment method flow only that the new method becomes the customer's
    invoice_settings.default_payment_method; and of a subscription that its own default_payment_method (Checkout sets one)
    goes before the customer's. Read alone, the old card would go on being charged, and some have reported just that.
    Others have seen in test mode that the portal clears the subscription's own default_payment_method, so that the
    new card pays. The stand-in does the latter; the control action `portal-cards` with then=keep does the former.
    A program that must be right with both sets the subscription's default_payment_method itself afterwards.
    Open invoices are not paid by it: that takes `POST /v1/invoices/…/pay` or Stripe's next own attempt.
    """
    method = new_payment_method(ledger, number, customer["id"], customer["email"], customer["name"])
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    changed = change(ledger, customer, "customer.updated", invoice_settings=settings)
    if setting(ledger, "portal_cards") == "replace":
        for subscription in ledger.select("subscription", {"customer": customer["id"]}):
            if subscription["ended_at"] is None:
                change(ledger, subscription, "customer.subscription.updated", default_payment_method=None)
    return changed


@action("portal-cards")
def set_portal_cards(ledger: Ledger, wish: Wish) -> Json:
    """Say what saving a card in the portal does with a subscription's own one."""
    value = wish.choice("then", CHOICES["portal_cards"])
    turn(ledger, "portal_cards", value)
    return {"object": "setting", "name": "portal_cards", "value": value}
