"""Somebody's own data as a page shows it: by subject, in words, with dates and amounts as people read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from membership.accounts.address_forms import GROUP_WORDS
from membership.accounts.role_forms import ROLE_NAMES
from membership.data_classes import COLUMN_LABELS, TABLE_TITLES
from membership.personal_rows import PersonalData, Row
from membership.web.filters import day, moment, money_text
from membership.web.languages import LANGUAGE_NAMES

EMPTY: tuple[Any, ...] = (None, "", [])
# Numbers of ours that the row also says in words.
SAID_BY = {"article_id": "article", "round_id": "vote", "topic_id": "topic"}
INTERVALS = {"month": _l("every month"), "year": _l("every year"), "once": _l("once")}
DECISIONS = {"granted": _l("granted"), "declined": _l("declined"), "joined": _l("both are yours"), "not_me": _l("not yours")}
WAYS = {"stripe": _l("through Stripe"), "bank": _l("by bank transfer"), "paypal": _l("by PayPal"), "cash": _l("in cash")}
MAILS = {
    "address_change_new": _l("is it the new address?"),
    "address_change_old": _l("shall the address change?"),
    "address_changed": _l("the address has changed"),
    "address_changed_new": _l("the address has changed"),
    "address_restored": _l("the old address is back"),
    "address_taken": _l("the new address has an account already"),
    "address_typed": _l("the address was corrected"),
    "amount_changed": _l("another amount"),
    "cancel_link": _l("the way out"),
    "card_expires": _l("the card expires soon"),
    "closed": _l("the account is deleted"),
    "vote_changed": _l("a vote was made longer"),
    "vote_opened": _l("a vote is open"),
    "vote_reminder": _l("a vote ends soon"),
    "vote_result": _l("the result of a vote"),
    "vote_topic_withdrawn": _l("a topic was taken off a ballot"),
    "vote_voided": _l("a vote was voided"),
    "closure_asked": _l("the account will be deleted"),
    "closure_held_up": _l("deleting the account takes longer"),
    "contribution": _l("receipt"),
    "dispute_opened": _l("a payer’s bank asks for a payment back"),
    "duplicate_refunded": _l("paid twice: one has ended"),
    "enrolment_link_made": _l("a link to add a passkey was made"),
    "free_seat_declined": _l("no free seat"),
    "free_seat_granted": _l("a free seat"),
    "free_seat_paid": _l("paid for free seats"),
    "gift": _l("the code of a gift"),
    "invitation": _l("an invitation to work here"),
    "new_sign_in": _l("signed in with a new browser"),
    "passkey_added": _l("a passkey was added"),
    "passkey_removed": _l("a passkey was removed"),
    "patreon_welcome": _l("pays at Patreon, can vote"),
    "paused": _l("paused"),
    "payment_failed": _l("a payment failed"),
    "recovery_code_used": _l("a recovery code was used"),
    "refund_failed": _l("a refund did not go through"),
    "refunded": _l("money given back"),
    "renewal_reminder": _l("the year ends soon"),
    "sign_in": _l("sign-in"),
    "stopped": _l("stopped"),
    "story_out": _l("a chosen story is out"),
    "support_ended": _l("the support has ended"),
    "topic_answered": _l("our answer to your suggestion"),
    "topic_merged": _l("two topics became one"),
    "twin": _l("was the second membership yours?"),
    "welcome": _l("receipt"),
    "withdrawn": _l("withdrew from the contract"),
}
# By the column, since what somebody typed elsewhere may be the same word. A code of Stripe's that is unknown is shown as it is.
WORDS: Mapping[str, Mapping[str, Any]] = {
    "award.badge": {"co_creator": _l("Co-creator")},
    "checkout_attempt.interval": INTERVALS,
    "checkout_attempt.purpose": {
        "membership": _l("support for this newsroom"),
        "gift": _l("a gift"),
        "seats": _l("free seats for others"),
    },
    "dispute.reason": {
        "fraudulent": _l("it was not you"),
        "duplicate": _l("it was taken twice"),
        "subscription_canceled": _l("you had stopped"),
        "product_not_received": _l("you got nothing"),
        "product_unacceptable": _l("not what you expected"),
        "unrecognized": _l("the line on your statement was unknown to you"),
        "credit_not_processed": _l("money was to go back to you"),
        "general": _l("no reason given"),
    },
    "dispute.status": {
        "needs_response": _l("waits for our answer"),
        "warning_needs_response": _l("a question, waits for our answer"),
        "under_review": _l("the bank decides"),
        "warning_under_review": _l("a question, the bank decides"),
        "won": _l("decided for us"),
        "lost": _l("decided against us"),
        "warning_closed": _l("a question, closed"),
    },
    "free_seat_request.decision": DECISIONS,
    "invitation.roles": ROLE_NAMES,
    "login_session.method": {
        "mail": _l("with a mail"),
        "checkout": _l("by paying"),
        "passkey": _l("with a passkey"),
        "enrolment": _l("with an invitation or a recovery code, to add a passkey"),
        "staff_link": _l("with a link of the demo, without passkey"),
    },
    "mail_choice.mail_group": GROUP_WORDS,
    "outbox_item.kind": MAILS,
    "paid_period.source": {
        **WAYS,
        "subscription": _l("by card"),
        "once": _l("once"),
        "gift": _l("a gift"),
        "patreon": _l("Patreon"),
        "free_seat": _l("by a free seat"),
        "comp": _l("by a free seat of ours"),
    },
    "payment.kind": {
        "charge": _l("card payment"),
        "manual": _l("payment by another way"),
        "refund": _l("given back"),
        "refund_failure": _l("came back from your bank"),
        "dispute": _l("taken back by your bank"),
        "dispute_reversal": _l("decided for us: it is ours again"),
    },
    "payment.source": WAYS,
    "refund_order.cause": {
        "staff": _l("by us"),
        "withdrawal": _l("withdrew from the contract"),
        "duplicate": _l("paid twice"),
    },
    "staff_role.role": ROLE_NAMES,
    "subscription.attention": {
        "declined": _l("the card was declined"),
        "expired": _l("the card has expired"),
        "authentication": _l("your bank wants you to confirm"),
    },
    "subscription.interval": INTERVALS,
    "subscription.status": {
        "active": _l("running"),
        "trialing": _l("running"),
        "past_due": _l("a payment needs your attention"),
        "unpaid": _l("not paid, given up"),
        "canceled": _l("ended"),
        "incomplete": _l("first payment on its way"),
        "incomplete_expired": _l("never paid"),
        "paused": _l("paused"),
    },
    "topic.state": {
        "suggested": _l("being read"),
        "approved": _l("taken up"),
        "shortlisted": _l("shortlisted"),
        "declined": _l("declined"),
        "merged": _l("put together with another one"),
    },
    "twin_notice.decision": DECISIONS,
}


@dataclass(frozen=True)
class Shown:
    """One table of somebody's data: its heading, its columns' names, and the rows in words."""

    key: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def shown_tables(data: PersonalData, zone: ZoneInfo) -> list[Shown]:
    """Return what there is, without empty tables and empty columns."""
    return [_shown(table, rows, zone) for table, rows in data.items() if rows]


def _shown(table: str, rows: Sequence[Row], zone: ZoneInfo) -> Shown:
    names = [name for name in rows[0] if any(row.get(name) not in EMPTY for row in rows)]
    names = [name for name in dict.fromkeys(names) if SAID_BY.get(name) not in rows[0] and name != "currency"]
    heads = tuple(str(_(COLUMN_LABELS[name])) for name in names)  # each is marked where it is written
    return Shown(
        table, str(_(TABLE_TITLES[table])), heads, tuple(tuple(_said(table, name, row, zone) for name in names) for row in rows)
    )


def _said(table: str, name: str, row: Row, zone: ZoneInfo) -> str:
    value: Any = row.get(name)
    if value in EMPTY:
        return ""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if name.endswith("_minor"):
        return money_text(value, row["currency"]) if row.get("currency") else str(value)
    if name.endswith("_at") or name in (
        "current_period_end",
        "not_before",
        "undo_until",
        "paid_until",
        "past_due_since",
        "refunds_from",
    ):
        return moment(datetime.fromisoformat(value), zone)
    if name.endswith("_on") or name == "card_expires":
        return day(date.fromisoformat(value), zone)
    words = LANGUAGE_NAMES if name == "language" else WORDS.get(f"{table}.{name}", {})
    return ", ".join(str(words.get(one, one)) for one in (value if isinstance(value, list) else [value]))
