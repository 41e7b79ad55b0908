"""How to pay by bank or PayPal, with the reference that says whose a transfer is."""

from dataclasses import dataclass
from datetime import datetime

import flask
from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import TooOften
from membership.money import months_for
from membership.patronage import queries, services, transfers
from membership.patronage.calendar import add_months
from membership.patronage.checkout_pages import private_page
from membership.patronage.transfer_forms import ReferenceForm
from membership.web.audience import everyone
from membership.web.database import now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.languages import current_language, open_route
from membership.web.network import asker

bp = Blueprint("patronage_transfer", __name__)

# Behind some networks live many readers.
REFERENCES_A_DAY, REFERENCES_A_DAY_OF_NETWORK = 5, 60
REFERENCE = "transfer_reference"  # in the signed cookie: what this browser asked for last


@dataclass(frozen=True)
class Example:
    """What an amount makes of its giver, if it arrived today."""

    amount_minor: int
    months: int
    until: datetime


@open_route(bp, "/support/transfer", methods=["GET", "POST"])
@everyone
def transfer() -> ResponseReturnValue:
    """Show where to pay to, under one's own reference; strangers ask for one under any address."""
    form = ReferenceForm()
    if current_user.is_authenticated or not _is_open() or not form.validate_on_submit():
        return _page(form), 422 if form.errors else 200
    asked_by = asker(person=REFERENCES_A_DAY, network=REFERENCES_A_DAY_OF_NETWORK)
    try:
        made = services.transfer_reference_for(
            session(), email=form.email.data, asked_by=asked_by, language=current_language(), now=now()
        )
    except TooOften as refused:
        form.email.errors = [refusal_text(refused)]
        return _page(form), 429, retry_after(refused)
    flask.session[REFERENCE] = made
    # Said once, so that a slip is seen; whoever comes next to a shared computer does not see it.
    flash(_("This reference stands for %(address)s.", address=form.email.data))
    return redirect(url_for(".transfer"), code=303)


def _page(form: ReferenceForm) -> str:
    account = [part.strip() for part in settings().bank_details.split(";") if part.strip()]
    return private_page(
        "transfer",
        form=form,
        problem=bool(form.errors),
        is_open=_is_open(),
        account=[part.partition(":") for part in account],
        paypal=settings().paypal_address,
        reference=_reference() if _is_open() else "",
        plan=queries.find_default_plan(session()),
        examples=_examples(),
    )


def _is_open() -> bool:
    """Return whether there is an account to show; else people write to us."""
    return bool(settings().bank_details or settings().paypal_address)


def _reference() -> str:
    """Return the reference of who is signed in, else what this browser asked for last; empty without either."""
    if not current_user.is_authenticated:
        return str(flask.session.get(REFERENCE, ""))
    member = current_user.member
    known = transfers.find_reference_of(session(), member.id)
    return known or services.transfer_reference_for(session(), member_id=member.id, language=member.language, now=now())


def _examples() -> list[Example]:
    plan = queries.find_default_plan(session())
    begins = now()
    if current_user.is_authenticated:
        begins = transfers.free_from(session(), current_user.member.id, at=begins)
    made = ((amount, months_for(amount, plan.minimum_month_minor)) for amount in plan.presets("once")) if plan else ()
    return [Example(amount, months, add_months(begins, months)) for amount, months in made]
