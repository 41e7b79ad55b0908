"""Payment intents and their charges."""

from dataclasses import dataclass

from stripe import params as p

from membership.stripe_standin.balance import book_charge
from membership.stripe_standin.cards import charged_card
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import change, emit
from membership.stripe_standin.ids import new_id, token
from membership.stripe_standin.operations import PAGING, operation
from membership.stripe_standin.pagination import created_within, filters, page
from membership.stripe_standin.store import Ledger

DECLINED = "Your card was declined."
STATEMENT = "STAND-IN DEMO"


@dataclass(frozen=True)
class Payable:
    """What a payment is for."""

    amount: int
    currency: str
    customer: str | None
    metadata: Json
    description: str | None
    receipt_email: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    setup_future_usage: str | None = None


def new_payment_intent(ledger: Ledger, due: Payable) -> Json:
    """Create a payment intent that waits for a payment method."""
    key = new_id("payment_intent")
    intent = ledger.add(
        {
            "id": key,
            "object": "payment_intent",
            "amount": due.amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": "automatic_async",
            "client_secret": f"{key}_secret_{token(25)}",
            "confirmation_method": "automatic",
            "created": ledger.now,
            "currency": due.currency,
            "customer": due.customer,
            "description": due.description,
            "metadata": due.metadata,
            "payment_method_options": {
                "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
            },
            "payment_method_types": ["card"],
            "receipt_email": due.receipt_email,
            "setup_future_usage": due.setup_future_usage,
            "statement_descriptor": due.statement_descriptor,
            "statement_descriptor_suffix": due.statement_descriptor_suffix,
            "status": "requires_payment_method",
        }
    )
    emit(ledger, "payment_intent.created", intent)
    return intent


def confirm(ledger: Ledger, intent: Json, method: Json, *, declines: bool) -> Json:
    """Charge the card for the intent and return the intent, succeeded or back to waiting for a card."""
    charge = _charge(ledger, intent, method, declines=declines)
    emit(ledger, "charge.failed" if declines else "charge.succeeded", charge)
    if declines:
        failed = change(
            ledger,
            intent,
            None,
            last_payment_error=_payment_error(charge, method),
            latest_charge=charge["id"],
            payment_method=None,
        )
        emit(ledger, "payment_intent.payment_failed", failed)
        return failed
    paid = change(
        ledger,
        intent,
        None,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        payment_method=method["id"],
        status="succeeded",
    )
    emit(ledger, "payment_intent.succeeded", paid)
    return paid


def _charge(ledger: Ledger, intent: Json, method: Json, *, declines: bool) -> Json:
    key = new_id("charge")
    charge = {
        "id": key,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0 if declines else intent["amount"],
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or STATEMENT,
        "captured": not declines,
        "created": ledger.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": "card_declined" if declines else None,
        "failure_message": DECLINED if declines else None,
        "fraud_details": {},
        "metadata": intent["metadata"],
        "outcome": _outcome(declines=declines),
        "paid": not declines,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": charged_card(method),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if declines else "succeeded",
    }
    stored = ledger.add(charge)
    if declines:
        return stored
    booked = book_charge(ledger, key, intent["amount"], intent["currency"], intent["description"])
    return ledger.save({**stored, "balance_transaction": booked})


def _outcome(*, declines: bool) -> Json:
    return {
        "advice_code": "try_again_later" if declines else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if declines else "approved_by_network",
        "reason": "generic_decline" if declines else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline." if declines else "Payment complete.",
        "type": "issuer_declined" if declines else "authorized",
    }


def _payment_error(charge: Json, method: Json) -> Json:
    return {
        "advice_code": "try_again_later",
        "charge": charge["id"],
        "code": "card_declined",
        "decline_code": "generic_decline",
        "doc_url": "https://docs.stripe.com/error-codes/card-declined",
        "message": DECLINED,
        "payment_method": method,
        "type": "card_error",
    }


@operation("GET", "/v1/payment_intents/<intent_id>", p.PaymentIntentRetrieveParams, "payment_intent")
def retrieve_intent(ledger: Ledger, values: Json, intent_id: str) -> Json:
    """Return a payment intent."""
    return ledger.get("payment_intent", intent_id)


@operation("GET", "/v1/payment_intents", p.PaymentIntentListParams, "payment_intent", f"{PAGING} created customer")
def list_intents(ledger: Ledger, values: Json) -> Json:
    """List payment intents."""
    wanted = filters(ledger, values, "customer")
    rows = created_within(ledger.select("payment_intent", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/payment_intents", "payment_intent")


@operation("GET", "/v1/charges/<charge_id>", p.ChargeRetrieveParams, "charge")
def retrieve_charge(ledger: Ledger, values: Json, charge_id: str) -> Json:
    """Return a charge."""
    return ledger.get("charge", charge_id)


@operation("GET", "/v1/charges", p.ChargeListParams, "charge", f"{PAGING} created customer payment_intent")
def list_charges(ledger: Ledger, values: Json) -> Json:
    """List charges."""
    wanted = filters(ledger, values, "customer", "payment_intent")
    rows = created_within(ledger.select("charge", wanted), values.get("created"))
    return page(ledger, rows, values, "/v1/charges", "charge")
