"""Money, the time that somebody is a patron by it, and how we keep true to Stripe."""

from membership.data_classes import words as w
from membership.data_classes.declaring import Columns, columns

N_ = str
OURS = (w.YOU, w.TREASURER)


def named_article() -> Columns:
    """Declare the column that says which article brought somebody."""
    return columns(w.READING, N_("The article from which you came to support us"), w.ARTICLE, w.EMPTIED, exported="article_id")


PAYING = {
    "subscription": (
        columns(
            w.SUPPORT,
            N_("Your support: how much, how often, until when"),
            w.BOOKS,
            w.NUMBER,
            exported=(
                "stripe_id status amount_minor currency interval current_period_end cancel_at ended_at past_due_since is_paused"
                " resumes_at attention next_attempt_at created_at"
            ),
            inside="account member_id attempt_id claim written stripe_customer_id open_invoice_id synced_at",
        ),
        columns(
            w.MONEY,
            N_("What pays it: the kind of card, its last four digits, when it expires. We never see the whole number"),
            w.ACCOUNT,
            w.EMPTIED,
            exported="card_brand card_last4 card_expires",
            inside="open_invoice_url",
        ),
        named_article(),
    ),
    "payment": (
        columns(
            w.MONEY,
            N_("Your payments, and what went back to you"),
            w.BOOKS,
            w.NUMBER,
            exported="kind source reference charge_reference amount_minor fee_minor net_minor currency occurred_at",
            inside="id member_id subscription_id attempt_id",
        ),
        columns(
            w.MONEY,
            N_("What Stripe calls the number of your card, to count how many voters pay with one card"),
            w.ACCOUNT,
            w.EMPTIED,
            inside="card_fingerprint",
            seen_by=(),
        ),
        named_article(),
    ),
    "declined_charge": (
        columns(
            w.MONEY,
            N_("A payment that your bank declined, and why"),
            w.ACCOUNT,
            w.DELETED,
            exported="stripe_id amount_minor currency code occurred_at",
            inside="member_id subscription_id",
        ),
    ),
    "paid_period": (
        columns(
            w.SUPPORT,
            N_("From when until when you are a patron, and by what"),
            w.BOOKS,
            w.NUMBER,
            exported="source reference starts_at ends_at reversed_at disputed_at",
            inside="id member_id subscription_id",
            seen_by=OURS,
        ),
    ),
    "dispute": (
        columns(
            w.MONEY,
            N_("A payment that your bank asked back"),
            w.BOOKS,
            w.NUMBER,
            exported="charge_reference amount_minor currency status reason opened_at evidence_due_at closed_at",
            inside="stripe_id member_id",
        ),
    ),
    "refund_order": (
        columns(
            w.MONEY,
            N_("Money that we gave back, and why"),
            w.BOOKS,
            w.NUMBER,
            exported="charge_reference cause amount_minor ordered_at done_at refused",
            inside="id member_id ordered_by stripe_refund_id",
        ),
        columns(w.MONEY, N_("What our staff noted about it"), w.ACCOUNT, w.EMPTIED, exported="note", seen_by=OURS),
    ),
    "article_month": (
        columns(
            w.PUBLISHED,
            N_("How many came by an article in a month, and how much they gave; without any person"),
            w.GOOD,
            w.NOBODYS,
            inside="month article_id currency supports payments amount_minor",
            seen_by=(w.STAFF,),
        ),
    ),
}
LOOKING_AFTER = {
    "duplicate_subscription": (
        columns(
            w.MONEY,
            N_("That you paid twice, and that one support was ended for it"),
            w.BOOKS,
            w.NUMBER,
            exported="subscription_id kept_id refunds_from found_at ended_at",
        ),
    ),
    "cancel_request": (
        columns(
            w.CONTACT,
            N_("That you asked for a mail with the way out"),
            w.ONE_DAY,
            w.DELETED,
            exported="email language requested_at",
            inside="id",
            seen_by=(w.YOU,),
        ),
    ),
    "twin_notice": (
        columns(
            w.SUPPORT,
            N_("That two memberships were begun under one address, and what you said about it"),
            w.ACCOUNT,
            w.DELETED,
            exported="noticed_at decision decided_at",
            inside="member_id earlier_member_id key",
            seen_by=OURS,
        ),
    ),
    "member_note": (
        columns(
            w.STAFF_WORK,
            N_("What our staff noted about your payments"),
            w.ACCOUNT,
            w.DELETED,
            exported="text written_at",
            inside="id member_id author_id",
            seen_by=OURS,
        ),
    ),
    "stripe_event": (
        columns(
            w.MACHINERY,
            N_("What Stripe told us has happened: numbers only, no name and no amount"),
            w.YEAR,
            w.NUMBER,
            inside=(
                "stripe_id type created_at received_at livemode api_version object_type object_id subscription_id charge_id state"
                " done_at tries last_error"
            ),
            seen_by=(w.TREASURER,),
        ),
    ),
    "reconcile_run": (
        columns(
            w.MACHINERY,
            N_("When our books were compared with Stripe’s, and where they differed"),
            w.GOOD,
            w.NUMBER,
            inside="id is_applied since requested_by requested_at started_at seen_alive_at finished_at checked total drift error",
            seen_by=(w.TREASURER,),
        ),
    ),
    "money_check_run": (
        columns(
            w.MACHINERY,
            N_("Whether our own books add up"),
            w.GOOD,
            w.NUMBER,
            inside="id at findings",
            seen_by=(w.TREASURER,),
        ),
    ),
    "stripe_closure": (
        columns(
            w.MACHINERY,
            N_("When we could not take cards"),
            w.GOOD,
            w.NOBODYS,
            inside="id closed_at closed_by reason reopened_at reopened_by place",
            seen_by=(w.TREASURER,),
        ),
    ),
}
BOOKS = {**PAYING, **LOOKING_AFTER}
