"""Test cards and the payment methods made of them."""

from dataclasses import dataclass

from stripe import params as p

from membership.stripe_standin.bank_debits import ACCOUNTS, account_hash, is_account, new_mandate_id
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import operation
from membership.stripe_standin.store import Ledger

PAYS, DECLINES = "4242424242424242", "4000000000000002"
EXPIRED, INSUFFICIENT = "4000000000000069", "4000000000009995"
AUTHENTICATION, FAILS_LATER = "4000002500003155", "4000000000000341"


@dataclass(frozen=True)
class Card:
    """What a test card does: when it is saved, when it is charged, and what the pages say of it."""

    saved: str
    charged: str
    effect: str


# The bank of 3155 asks again for each payment that the payer is not there for; Stripe's own 3155 asks at the first one only.
CARDS: dict[str, Card] = {
    PAYS: Card("paid", "paid", "pays"),
    DECLINES: Card("declined", "declined", "is declined"),
    EXPIRED: Card("expired", "expired", "has expired"),
    INSUFFICIENT: Card("insufficient", "insufficient", "has no money on it"),
    AUTHENTICATION: Card("authentication", "authentication", "the bank asks to confirm, each time"),
    FAILS_LATER: Card("paid", "declined", "can be saved, but does not pay"),
}
NO_ADDRESS: Json = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def billing_details(email: str | None, name: str | None) -> Json:
    """Return what the buyer typed beside the card."""
    return {"address": dict(NO_ADDRESS), "email": email, "name": name, "phone": None, "tax_id": None}


def written(number: str) -> str:
    """Return a card's or an account's number in groups of four."""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def new_payment_method(ledger: Ledger, number: str, customer: str | None, email: str | None, name: str | None) -> Json:
    """Make a payment method of a test card or account; attached and announced only if it belongs to a customer."""
    kind = "sepa_debit" if is_account(number) else "card"
    method = ledger.add(
        {
            "id": new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": billing_details(email, name),
            kind: account_hash(number) if kind == "sepa_debit" else _card_hash(number),
            "created": ledger.now,
            "customer": customer,
            "metadata": {},
            "type": kind,
        },
        _private(number),
    )
    if customer:
        emit(ledger, "payment_method.attached", method)
    return method


def _private(number: str) -> Json:
    """Return what a payment with this number comes to from now on, until the control page says otherwise."""
    if is_account(number):
        return {"outcome": "paid" if ACCOUNTS[number] else "declined", "mandate": new_mandate_id()}
    return {"outcome": CARDS[number].charged}


def outcome_of(ledger: Ledger, method: Json) -> str:
    """Return what a payment by this method comes to: paid, declined, insufficient, expired or authentication."""
    # A state file from before outcomes holds cards that paid.
    return str(ledger.private(method["id"]).get("outcome", "paid"))


def _card_hash(number: str) -> Json:
    return {
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": "visa",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"standin{number[-4:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": ["visa"], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charged_card(method: Json) -> Json:
    """Return the payment_method_details of a charge to this card."""
    card = method["card"]
    same = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    return {
        "card": {
            **{name: card[name] for name in same},
            "installments": None,
            "mandate": None,
            "network": "visa",
            "network_token": {"used": False},
            "network_transaction_id": None,
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }


@operation("GET", "/v1/payment_methods/<method_id>", p.PaymentMethodRetrieveParams, "payment_method")
def retrieve(ledger: Ledger, values: Json, method_id: str) -> Json:
    """Return a payment method."""
    return ledger.get("payment_method", method_id)
