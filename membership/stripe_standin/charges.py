"""Charges: one attempt to take money, and what became of it."""

from stripe import params as p

from membership.stripe_standin.account import statement
from membership.stripe_standin.balance import book_charge
from membership.stripe_standin.bank_debits import charged_account, is_debit
from membership.stripe_standin.cards import charged_card
from membership.stripe_standin.declines import Decline
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.operations import PAGING, merged_metadata, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

_PENDING: Json = {
    "amount_captured": 0,
    "captured": False,
    "failure_code": None,
    "failure_message": None,
    "paid": False,
    "status": "pending",
}


def new_charge(ledger: Ledger, intent: Json, method: Json) -> Json:
    """Make a charge that waits for its outcome; nothing is said of it yet."""
    same = ("amount", "currency", "customer", "description", "metadata", "receipt_email")
    return ledger.add(
        {
            **_PENDING,
            **{name: intent[name] for name in same},
            "id": new_id("payment" if is_debit(method) else "charge"),
            "object": "charge",
            "amount_refunded": 0,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": intent["statement_descriptor"] or statement(ledger),
            "created": ledger.now,
            "disputed": False,
            "fraud_details": {},
            "outcome": _outcome(None),
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": charged_account(ledger, method) if is_debit(method) else charged_card(method),
            "radar_options": {},
            "refunded": False,
            "statement_descriptor": intent["statement_descriptor"],
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        }
    )


def succeed(ledger: Ledger, charge: Json) -> Json:
    """Take the money and book it less the fee."""
    paid = change(
        ledger,
        charge,
        None,
        amount_captured=charge["amount"],
        balance_transaction=book_charge(ledger, charge),
        captured=True,
        paid=True,
        status="succeeded",
    )
    emit(ledger, "charge.succeeded", paid)
    return paid


def fail(ledger: Ledger, charge: Json, decline: Decline) -> Json:
    """Let the attempt fail."""
    failed = change(
        ledger,
        charge,
        None,
        failure_code=decline.code,
        failure_message=decline.message,
        outcome=_outcome(decline),
        status="failed",
    )
    emit(ledger, "charge.failed", failed)
    return failed


def _outcome(decline: Decline | None) -> Json:
    return {
        "advice_code": decline.advice_code if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline.reason if decline else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": decline.seller_message if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


@operation("GET", "/v1/charges/<charge_id>", p.ChargeRetrieveParams, "charge")
def retrieve(ledger: Ledger, values: Json, charge_id: str) -> Json:
    """Return a charge."""
    return ledger.get("charge", charge_id)


@operation("POST", "/v1/charges/<charge_id>", p.ChargeUpdateParams, "charge", "description metadata")
def update(ledger: Ledger, values: Json, charge_id: str) -> Json:
    """Change a charge's description or metadata."""
    charge = ledger.get("charge", charge_id)
    metadata = merged_metadata(charge["metadata"], values.get("metadata"))
    description = values.get("description", charge["description"]) or None
    return change(ledger, charge, "charge.updated", description=description, metadata=metadata)


@operation("GET", "/v1/charges", p.ChargeListParams, "charge", f"{PAGING} created customer payment_intent")
def list_charges(ledger: Ledger, values: Json) -> Json:
    """List charges."""
    wanted = filters(ledger, values, "customer", "payment_intent")
    rows = created_within(ledger.select("charge", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/charges", "charge")
