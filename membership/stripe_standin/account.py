"""The stand-in's one account, with the settings that the dashboard has."""

from stripe import params as p

from membership.stripe_standin.actions import Wish, action
from membership.stripe_standin.errors import ApiError, Json
from membership.stripe_standin.events import change
from membership.stripe_standin.operations import operation
from membership.stripe_standin.resources import complete
from membership.stripe_standin.store import Ledger

ACCOUNT = "acct_1StandInDemo0000"
STATEMENT = "STAND-IN DEMO"
SHORTEST_STATEMENT, LONGEST_STATEMENT = 5, 22


def account(ledger: Ledger) -> Json:
    """Return the account as it is now."""
    return ledger.find("account", ACCOUNT) or complete(_as_opened())


def _as_opened() -> Json:
    return {
        "id": ACCOUNT,
        "object": "account",
        "business_type": "company",
        "charges_enabled": True,
        "country": "IE",
        "created": 1735689600,
        "default_currency": "eur",
        "details_submitted": True,
        "email": "newsroom@example.org",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {
            "bacs_debit_payments": None,
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_issuing": None,
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": True},
                "statement_descriptor_prefix": "STANDIN",
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": "Stand-in demo", "timezone": "Etc/UTC"},
            "invoices": None,
            "payments": _payments(STATEMENT),
            "payouts": None,
            "paypay_payments": None,
            "sepa_debit_payments": None,
            "treasury": None,
        },
        "type": "standard",
    }


def _payments(descriptor: str) -> Json:
    absent = ("descriptor_kana", "descriptor_kanji", "descriptor_prefix_kana", "descriptor_prefix_kanji")
    return {"statement_descriptor": descriptor, **{f"statement_{name}": None for name in absent}}


def statement(ledger: Ledger) -> str:
    """Return what a payer's bank statement shows unless a payment says otherwise."""
    return str(account(ledger)["settings"]["payments"]["statement_descriptor"])


@operation("GET", "/v1/account", p.AccountRetrieveCurrentParams, "account")
def retrieve(ledger: Ledger, values: Json) -> Json:
    """Return the account that the key belongs to."""
    return account(ledger)


@action("statement-descriptor")
def set_statement(ledger: Ledger, wish: Wish) -> Json:
    """Set what bank statements show, `text`, as the dashboard's public details do."""
    text = wish.values.get("text", "")
    allowed = text.isascii() and not set(text) & set("<>\\'\"*") and any(c.isalpha() for c in text)
    if not (allowed and SHORTEST_STATEMENT <= len(text) <= LONGEST_STATEMENT):
        message = "Give text as 5 to 22 ASCII characters, one of them a letter, none of them < > \\ ' \" *."
        raise ApiError(message, param="text")
    existing = ledger.find("account", ACCOUNT) or ledger.add(_as_opened())
    settings = {**existing["settings"], "payments": _payments(text)}
    return change(ledger, existing, "account.updated", settings=settings)
