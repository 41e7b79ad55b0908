"""Bank debits: test accounts whose payments take days, and what Stripe shows of them."""

from membership.stripe_standin.errors import Json
from membership.stripe_standin.ids import new_id
from membership.stripe_standin.store import Ledger

BANK_PAYS, BANK_FAILS = "AT611904300234573201", "AT861904300235473202"
# test account → whether the money comes
ACCOUNTS = {BANK_PAYS: True, BANK_FAILS: False}
EFFECTS = {BANK_PAYS: "pays after five days", BANK_FAILS: "fails after five days"}
SETTLES_AFTER = 5 * 24 * 3600
CURRENCY = "eur"


def is_account(number: str) -> bool:
    """Tell a bank account from a card."""
    return number in ACCOUNTS


def is_debit(method: Json) -> bool:
    """Tell a payment method that pays late from a card."""
    return bool(method["type"] == "sepa_debit")


def account_hash(number: str) -> Json:
    """Return what a payment method shows of its account."""
    return {
        "bank_code": number[4:9],
        "branch_code": "",
        "country": number[:2],
        "fingerprint": f"standin{number[-4:]}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": number[-4:],
    }


def charged_account(ledger: Ledger, method: Json) -> Json:
    """Return the payment_method_details of a charge to this account."""
    same = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    mandate = ledger.private(method["id"])["mandate"]
    account = {**{name: method["sepa_debit"][name] for name in same}, "expected_debit_date": None, "mandate": mandate}
    return {"sepa_debit": account, "type": "sepa_debit"}


def new_mandate_id() -> str:
    """Return the id that later charges name as the payer's permission."""
    return new_id("mandate")
