"""The patron's own page: what they are here, what is taken, and everything that can be changed about it."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts.closures import find_closure
from membership.credits.queries import badges_of
from membership.errors import NotFound
from membership.patronage import contracts, leaving, queries, services, support_pages
from membership.patronage.account import account_of
from membership.patronage.account_forms import STOP_REASONS, StopForm
from membership.patronage.checkout_pages import gateway
from membership.patronage.models import Subscription
from membership.patronage.receipt_words import receipt_words
from membership.patronage.receipts import receipts_of
from membership.patronage.support_pages import Visit
from membership.voting.queries import find_open_round, participations_of
from membership.web.audience import member
from membership.web.database import kernel, now, session
from membership.web.languages import current_language

bp = Blueprint("patronage_account", __name__)

# All of them have a page of their own.
SHOWN_RECEIPTS = 3


@bp.get("/account")
@member
def show_account() -> ResponseReturnValue:
    """Show a member what they are here, what is taken, and what they took part in; never what they ticked."""
    person = current_user.member
    account = account_of(session(), person, at=now())
    return _page(
        "show_account",
        account=account,
        receipts=receipts_of(session(), person.id)[:SHOWN_RECEIPTS],
        what=receipt_words(),
        participations=participations_of(session(), person.id),
        badges=badges_of(session(), person.id, account.standing, language=current_language()),
        round_=find_open_round(session(), at=now()),
        closure=find_closure(session(), person.id),
    )


@bp.route("/account/amount", methods=["GET", "POST"])
@member
def amount() -> ResponseReturnValue:
    """Choose another amount, or how often it is paid."""
    return _of_running(support_pages.choose_amount)


@bp.route("/account/amount/confirm", methods=["GET", "POST"])
@member
def confirm_amount() -> ResponseReturnValue:
    """Show what the change takes, and do it."""
    return _of_running(support_pages.confirm_amount)


@bp.route("/account/pause", methods=["GET", "POST"])
@member
def pause() -> ResponseReturnValue:
    """Pause until a day."""
    return _of_running(support_pages.choose_pause)


@bp.post("/account/unpause")
@member
def unpause() -> ResponseReturnValue:
    """End a pause before its day."""
    person = current_user.member
    for running in queries.live_subscriptions_of(session(), person.id):
        services.unpause_support(session(), gateway(), subscription_id=running.stripe_id, actor_id=person.id, now=now())
    kernel().queue.wake("mails")
    flash(_("Your support goes on. Thank you."))
    return redirect(url_for(".show_account"), code=303)


@bp.route("/account/card", methods=["GET", "POST"])
@member
def card() -> ResponseReturnValue:
    """Show which card pays, and lead to Stripe's page for another one."""
    return _of_running(support_pages.show_card)


@bp.get("/account/card/done")
@member
def card_done() -> ResponseReturnValue:
    """Use the card that was given at Stripe."""
    return _of_running(support_pages.finish_card)


@bp.route("/account/stop", methods=["GET", "POST"])
@member
def stop() -> ResponseReturnValue:
    """Ask once whether the support shall end, and end it with the time that is paid for."""
    person = current_user.member
    form = StopForm()
    if not queries.live_subscriptions_of(session(), person.id) or not form.validate_on_submit():
        return _stop_page()
    services.stop_all_support(session(), gateway(), member_id=person.id, reason=form.known_reason, now=now())
    kernel().queue.wake("mails")
    if not queries.live_subscriptions_of(session(), person.id):
        flash(_("Stopped at once. Nothing more will be taken."))
    return redirect(url_for(".stop"), code=303)


@bp.post("/account/resume")
@member
def resume() -> ResponseReturnValue:
    """Take a stop back before its day has come."""
    person = current_user.member
    running = next(iter(queries.live_subscriptions_of(session(), person.id)), None)
    if running is None:
        raise NotFound("Your support has ended already. You can start again with the same amount.")
    services.resume_support(session(), gateway(), subscription_id=running.stripe_id, actor_id=person.id, now=now())
    flash(_("Your support goes on. Thank you."))
    return redirect(url_for(".show_account"), code=303)


@bp.route("/account/withdraw/<uuid:attempt_id>", methods=["GET", "POST"])
@member
def withdraw(attempt_id: UUID) -> ResponseReturnValue:
    """Withdraw from the contract within its first days, and get everything back."""
    attempt = contracts.get_attempt(session(), attempt_id)
    if attempt.member_id != current_user.member.id:
        raise NotFound("There is no such payment.")
    visit = _visit(None)
    urls = {**visit.urls, "withdraw": url_for(".withdraw", attempt_id=attempt_id)}
    return support_pages.withdraw(Visit(None, urls, visit.viewer, visit.actor_id), attempt)


@bp.post("/account/links/revoke")
@member
def revoke_links() -> ResponseReturnValue:
    """Make the links in all mails sent so far dead."""
    person = current_user.member
    services.revoke_links(session(), member_id=person.id, actor_id=person.id, now=now())
    flash(_("The links in the mails you have got so far no longer work."))
    return redirect(url_for(".show_account"), code=303)


def _of_running(page: Callable[[Visit, Subscription], ResponseReturnValue]) -> ResponseReturnValue:
    """Show a page about the support that runs, or say that none does."""
    running = next(iter(queries.live_subscriptions_of(session(), current_user.member.id)), None)
    visit = _visit(running)
    return page(visit, running) if running is not None else support_pages.show("nothing_running", visit)


def _visit(running: Subscription | None) -> Visit:
    names = ("amount", "pause", "card", "card_done", "stop")
    urls = {name: url_for(f".{name}") for name in names}
    urls |= {"home": url_for(".show_account"), "confirm": url_for(".confirm_amount")}
    return Visit(running, urls, current_user, current_user.member.id)


def _stop_page() -> ResponseReturnValue:
    person = current_user.member
    subscriptions = queries.subscriptions_of(session(), person.id)
    running = next(iter(queries.live_subscriptions_of(session(), person.id)), None)
    standing = queries.standing_of(session(), person.id, at=now())
    periods = queries.periods_of(session(), person.id)
    badges = badges_of(session(), person.id, standing, language=current_language())
    return _page(
        "stop",
        visit=_visit(running),
        running=running,
        ended=next(iter(subscriptions), None),
        at_once=running is not None and leaving.ends_at_once(running, periods, now()),
        standing=standing,
        given=queries.money_given(session(), person.id),
        months=contracts.months_of_support(session(), person.id, at=now()),
        stories=len({story.slug for badge in badges for story in badge.stories}),
        lowest=contracts.get_plan_of(session(), running).minimum(running.interval) if running else None,
        withdrawable=contracts.withdrawable_of(session(), person.id, at=now()),
        reasons=STOP_REASONS,
    )


def _page(name: str, **context: object) -> str:
    return render_template(f"patronage/{name}.html", viewer=current_user, **context)
