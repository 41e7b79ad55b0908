"""Pages that need no account: the way out for everybody, and what the signed links in our mails open.

A GET shows and changes nothing (mail scanners open every link); no page names anybody, an address or what was given.
"""

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.accounts.queries import get_member
from membership.errors import TooOften
from membership.patronage import contracts, leaving, queries, services, support_pages
from membership.patronage.account_forms import STOP_REASONS, CancelForm, StopForm
from membership.patronage.checkout_pages import gateway
from membership.patronage.entitlement import LIVE
from membership.patronage.links import read_link
from membership.patronage.models import CheckoutAttempt, Subscription
from membership.patronage.support_pages import Visit
from membership.web import languages
from membership.web.audience import everyone
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.languages import current_language, open_route
from membership.web.network import asker

bp = Blueprint("patronage_links", __name__)

# Behind some networks live many readers.
MAILS_AN_HOUR, MAILS_AN_HOUR_OF_NETWORK = 10, 100


@open_route(bp, "/cancel", methods=["GET", "POST"])
@everyone
def cancel_page() -> ResponseReturnValue:
    """Send whoever wants to stop a mail with the way out; the same answer for every address."""
    form = CancelForm()
    if current_user.is_authenticated and not form.is_submitted():
        return redirect(url_for("patronage_account.stop"), code=303)
    if not form.validate_on_submit():
        return _cancel_form(form), 422 if form.is_submitted() else 200
    asked_by = asker(person=MAILS_AN_HOUR, network=MAILS_AN_HOUR_OF_NETWORK)
    try:
        services.ask_cancel_mail(session(), email=form.email.data, language=current_language(), asked_by=asked_by, now=now())
    except TooOften as refused:
        form.email.errors = [refusal_text(refused)]
        return _cancel_form(form), 429, retry_after(refused)
    kernel().queue.wake("mails")
    return redirect(url_for(".cancel_sent"), code=303)


@open_route(bp, "/cancel/sent")
@everyone
def cancel_sent() -> ResponseReturnValue:
    """Say that a mail is on its way, the same to everybody."""
    return render_template("patronage/cancel_sent.html", viewer=None)


@bp.route("/links/stop/<token>", methods=["GET", "POST"])
@everyone
def stop(token: str) -> ResponseReturnValue:
    """End the support that a receipt was about."""
    return _with_link("stop", token, _stop)


@bp.route("/links/stop/<token>/withdraw", methods=["GET", "POST"])
@everyone
def withdraw(token: str) -> ResponseReturnValue:
    """Withdraw from the contract within its first days, and get everything back."""
    return _with_link("stop", token, support_pages.withdraw)


@bp.route("/links/lower/<token>", methods=["GET", "POST"])
@everyone
def lower(token: str) -> ResponseReturnValue:
    """Pay less from the next payment on."""
    return _with_link("lower", token, _of_running(support_pages.choose_amount))


@bp.route("/links/lower/<token>/confirm", methods=["GET", "POST"])
@everyone
def confirm_lower(token: str) -> ResponseReturnValue:
    """Show what the change means, and do it."""
    return _with_link("lower", token, _of_running(support_pages.confirm_amount))


@bp.route("/links/pause/<token>", methods=["GET", "POST"])
@everyone
def pause(token: str) -> ResponseReturnValue:
    """Pause until a day."""
    return _with_link("pause", token, _of_running(support_pages.choose_pause))


@bp.route("/links/card/<token>", methods=["GET", "POST"])
@everyone
def card(token: str) -> ResponseReturnValue:
    """Lead to Stripe's page for another card."""
    return _with_link("card", token, _of_running(support_pages.show_card))


@bp.get("/links/card/<token>/done")
@everyone
def card_done(token: str) -> ResponseReturnValue:
    """Use the card that was given at Stripe."""
    return _with_link("card", token, _of_running(support_pages.finish_card))


def _cancel_form(form: CancelForm) -> str:
    return render_template("patronage/cancel_page.html", viewer=None, form=form, problem=bool(form.errors))


def _with_link(purpose: str, token: str, page: Callable[[Visit, CheckoutAttempt], ResponseReturnValue]) -> ResponseReturnValue:
    """Show a page about what a link names, or that the link works no longer."""
    try:
        attempt = contracts.find_attempt_by_link(session(), read_link(settings().secret_key, purpose, token, now=now()))
        if attempt is None:
            return _dead_link()
        owner = get_member(session(), attempt.member_id) if attempt.member_id else None
        changed_at = owner.address_changed_at if owner else None
        read_link(settings().secret_key, purpose, token, since=changed_at, now=now())
    except ValueError:
        return _dead_link()
    languages.speak(owner.language if owner else attempt.language)
    return page(_visit(purpose, token, attempt), attempt)


def _of_running(
    page: Callable[[Visit, Subscription], ResponseReturnValue],
) -> Callable[[Visit, CheckoutAttempt], ResponseReturnValue]:
    def show(visit: Visit, _attempt: CheckoutAttempt) -> ResponseReturnValue:
        return page(visit, visit.running) if visit.running else support_pages.show("nothing_running", visit)

    return show


def _visit(purpose: str, token: str, attempt: CheckoutAttempt) -> Visit:
    """Return a visit that knows the pages of its own link; for all else one has to sign in."""
    found = contracts.find_subscription_of(session(), attempt.id)
    running = found if found is not None and found.status in LIVE else None
    urls = {name: url_for(f"patronage_account.{name}") for name in ("amount", "card", "pause", "stop")}
    here = url_for(f".{purpose}", token=token)
    urls |= {{"lower": "amount"}.get(purpose, purpose): here, "home": here}
    urls |= {"withdraw": url_for(".withdraw", token=token)} if purpose == "stop" else {}
    urls |= {"confirm": url_for(".confirm_lower", token=token)} if purpose == "lower" else {}
    urls |= {"card_done": url_for(".card_done", token=token)} if purpose == "card" else {}
    return Visit(running, urls)


def _stop(visit: Visit, attempt: CheckoutAttempt) -> ResponseReturnValue:
    running, form = visit.running, StopForm()
    if running is not None and form.validate_on_submit():
        services.stop_support(
            session(), gateway(), subscription_id=running.stripe_id, actor_id=None, reason=form.known_reason, now=now()
        )
        kernel().queue.wake("mails")
    if form.is_submitted():
        return redirect(visit.urls["stop"], code=303)
    periods = queries.periods_of(session(), attempt.member_id) if attempt.member_id else []
    return support_pages.show(
        "link_stop",
        visit,
        running=running,
        at_once=running is not None and leaving.ends_at_once(running, periods, now()),
        standing=queries.standing_of(session(), attempt.member_id, at=now()) if attempt.member_id else None,
        withdrawable_until=leaving.withdrawable_until(attempt) if leaving.may_withdraw(attempt, now()) else None,
        reasons=STOP_REASONS,
    )


def _dead_link() -> ResponseReturnValue:
    return render_template("patronage/link_dead.html", viewer=None), 410
