"""Make ids that look like Stripe's."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits

PREFIXES = {
    "balance_transaction": "txn_3",
    "billing_portal.configuration": "bpc_1",
    "billing_portal.session": "bps_1",
    "charge": "ch_3",
    "checkout.session": "cs_test_a1",
    "customer": "cus_",
    "customer_balance_transaction": "cbtxn_1",
    "dispute": "dp_1",
    "event": "evt_1",
    "invoice": "in_1",
    "invoice_payment": "inpay_1",
    "invoiceitem": "ii_1",
    "item": "li_1",
    "line_item": "il_1",
    "mandate": "mandate_1",
    "payment": "py_3",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "price": "price_1",
    "product": "prod_",
    "refund": "re_3",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "webhook_endpoint": "we_1",
}
_LENGTHS = {"checkout.session": 56, "customer": 14, "product": 14, "subscription_item": 14}


def new_id(kind: str) -> str:
    """Return a fresh id of one kind of object."""
    return PREFIXES[kind] + token(_LENGTHS.get(kind, 23))


def token(length: int) -> str:
    """Return random letters and digits."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))
