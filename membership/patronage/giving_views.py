"""For somebody else, or for nothing: gifts and their codes, free seats and who pays for them."""

from datetime import datetime

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts.services import ask_sign_in
from membership.errors import Conflict, NotFound, TooOften
from membership.patronage import giving, queries, services
from membership.patronage.asks import Ask, giving_ask
from membership.patronage.checkout_pages import choice_of, go_to_checkout, is_closed, own_attempt, private_page, typed_amount
from membership.patronage.giving_forms import FreeSeatForm, GivingForm, RedeemForm
from membership.web import browser
from membership.web.audience import everyone
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.filters import day
from membership.web.languages import current_language, open_route
from membership.web.network import asker

bp = Blueprint("patronage_giving", __name__)

# Behind some networks live many readers.
SEATS_A_DAY, SEATS_A_DAY_OF_NETWORK = 5, 40
CODES_AN_HOUR, CODES_AN_HOUR_OF_NETWORK = 20, 200


@open_route(bp, "/support/gift")
@everyone
def gift() -> ResponseReturnValue:
    """Offer a membership for somebody else; the amount may be chosen by the address, as after "cancel" at Stripe."""
    return private_page("gift", ask=_ask(), form=None, is_closed=is_closed())


@open_route(bp, "/support/gift", methods=["POST"])
@everyone
def start_gift() -> ResponseReturnValue:
    """Send the buyer to Stripe."""
    return _start("gift", "gift")


@open_route(bp, "/support/seats")
@everyone
def seats() -> ResponseReturnValue:
    """Offer to pay for free seats of others, and say how many months wait for somebody."""
    return private_page("seats", ask=_ask(), form=None, is_closed=is_closed(), **_pool())


@open_route(bp, "/support/seats", methods=["POST"])
@everyone
def start_seats() -> ResponseReturnValue:
    """Send the payer to Stripe."""
    return _start("seats", "seats", **_pool())


@bp.get("/support/gift/card")
@everyone
def gift_card() -> ResponseReturnValue:
    """Show a gift's code to be printed, in the browser that paid for it."""
    attempt = own_attempt()
    found = giving.find_gift_of_attempt(session(), attempt.id) if attempt else None
    if found is None or found.reversed_at is not None:
        raise NotFound("A gift’s code is shown in the browser that paid for it, and it stands in our mail.")
    code = services.show_gift_code(session(), gift_id=found.id, secret_key=settings().secret_key)
    return private_page("gift_card", gift=found, code=code)


@open_route(bp, "/gift", methods=["GET", "POST"])
@everyone
def redeem() -> ResponseReturnValue:
    """Take a gift's code: for who is signed in, else for whoever a mail to their address lets in."""
    form = RedeemForm(needs_address=not current_user.is_authenticated)
    if not form.validate_on_submit():
        return private_page("redeem", form=form, problem=bool(form.errors)), 422 if form.is_submitted() else 200
    try:
        until = _redeem(form)
    except (Conflict, NotFound, TooOften) as refused:
        form.code.errors = [refusal_text(refused)]
        page = private_page("redeem", form=form, problem=True)
        return page, 429 if isinstance(refused, TooOften) else 422, retry_after(refused)
    shown_day = day(until, settings().time_zone)
    if current_user.is_authenticated:
        flash(_("The gift is yours: you are a patron until %(day)s.", day=shown_day))
        return redirect(url_for("patronage_account.show_account"), code=303)
    return _ask_to_prove(
        form.email.data, _("The gift is yours, until %(day)s. Sign in once by mail, and you can vote.", day=shown_day)
    )


@open_route(bp, "/support/free-seat", methods=["GET", "POST"])
@everyone
def free_seat() -> ResponseReturnValue:
    """Take a request for a free seat; the answer is the same for everybody."""
    form = FreeSeatForm()
    if not form.validate_on_submit():
        return private_page("free_seat", form=form, problem=bool(form.errors)), 422 if form.is_submitted() else 200
    asked_by = asker(person=SEATS_A_DAY, network=SEATS_A_DAY_OF_NETWORK)
    try:
        services.request_free_seat(session(), email=form.email.data, language=current_language(), asked_by=asked_by, now=now())
    except TooOften as refused:
        form.email.errors = [refusal_text(refused)]
        return private_page("free_seat", form=form, problem=True), 429, retry_after(refused)
    kernel().queue.wake("seats")
    return redirect(url_for(".free_seat_asked"), code=303)


@open_route(bp, "/support/free-seat/asked")
@everyone
def free_seat_asked() -> ResponseReturnValue:
    """Say what happens next."""
    return private_page("free_seat_asked")


def _start(purpose: str, endpoint: str, **context: object) -> ResponseReturnValue:
    plan = queries.default_plan(session())
    if is_closed():
        return private_page(endpoint, ask=None, form=None, is_closed=True, **context), 409
    form = GivingForm(plan)
    if not form.validate_on_submit():
        return private_page(endpoint, ask=form.shown(), form=form, problem=True, is_closed=False, **context), 422
    choice = choice_of(plan, amount_minor=form.amount_minor, purpose=purpose)
    back = url_for(f".{endpoint}", amount=form.amount_minor)
    return go_to_checkout(choice, cancel_path=back, retry_path=url_for(f".start_{endpoint}"), kept=form.kept())


def _redeem(form: RedeemForm) -> datetime:
    return services.redeem_gift(
        session(),
        code=form.code.data,
        asked_by=asker(person=CODES_AN_HOUR, network=CODES_AN_HOUR_OF_NETWORK),
        member_id=current_user.member.id if current_user.is_authenticated else None,
        email=form.email.data,
        language=current_language(),
        now=now(),
    )


def _ask() -> Ask | None:
    """Return what can be given, with the amount that the address names; None while nothing can be paid by card."""
    plan = queries.find_default_plan(session())
    if plan is None or is_closed():
        return None
    ask, amount = giving_ask(plan), request.args.get("amount", type=int)
    (group,) = ask.groups
    typed = "" if amount in group.amounts else typed_amount(amount, ask.currency)
    return ask.with_choice("once", amount_minor=amount, typed=typed)


def _pool() -> dict[str, int]:
    return {"pool_months": giving.pool_months(session()), "seat_months": services.POOL_SEAT_MONTHS}


def _ask_to_prove(email: str, message: str) -> ResponseReturnValue:
    """Send the mail that signs in whoever the gift went to."""
    again_at = ask_sign_in(
        session(),
        email=email,
        browser_hash=browser.browser_hash(),
        language=current_language(),
        next_path=url_for("patronage_account.show_account"),
        now=now(),
    )
    kernel().queue.wake("mails")
    flash(message)
    # Past the hour's mails none was sent: the page that asks for one says how to get in without.
    return redirect(url_for("accounts.sign_in" if again_at else "accounts.check_mail"), code=303)
