"""Test cards and the payment methods made of them."""

from stripe import params as p

from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import operation
from membership.stripe_standin.store import Ledger

PAYS, DECLINES = "4242424242424242", "4000000000000002"
CARDS = {PAYS: "credit", DECLINES: "credit"}
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


def new_payment_method(ledger: Ledger, number: str, customer: str | None, email: str | None, name: str | None) -> Json:
    """Make a payment method of a test card; attached and announced only if it belongs to a customer."""
    method = ledger.add(
        {
            "id": new_id("payment_method"),
            "object": "payment_method",
            "allow_redisplay": "limited",
            "billing_details": billing_details(email, name),
            "card": {
                "brand": "visa",
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": None,
                    "cvc_check": "pass",
                },
                "country": "US",
                "display_brand": "visa",
                "exp_month": 12,
                "exp_year": 2034,
                "fingerprint": f"standin{number[-4:]}",
                "funding": CARDS[number],
                "generated_from": None,
                "last4": number[-4:],
                "networks": {"available": ["visa"], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": ledger.now,
            "customer": customer,
            "metadata": {},
            "type": "card",
        },
        {"declines": number == DECLINES},
    )
    if customer:
        emit(ledger, "payment_method.attached", method)
    return method


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
