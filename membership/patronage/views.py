"""The ask, the way to Stripe and back, and the other ways."""

import flask
from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.accounts.services import start_session
from membership.articles.models import Article
from membership.articles.queries import find_published_article
from membership.errors import Unavailable
from membership.patronage import giving, queries, services
from membership.patronage.asks import Ask
from membership.patronage.checkout_pages import (
    ATTEMPT,
    choice_of,
    gateway,
    go_to_checkout,
    is_closed,
    open_page,
    own_attempt,
    private_page,
    remember,
    typed_amount,
)
from membership.patronage.forms import MAX_SLUG, SupportForm
from membership.patronage.models import CheckoutAttempt
from membership.voting.queries import find_open_round, latest_published_round
from membership.web import browser, languages
from membership.web.audience import everyone
from membership.web.database import kernel, now, session, settings
from membership.web.languages import open_route
from membership.web.open_pages import open_page as same_for_everybody

bp = Blueprint("patronage", __name__)

# Where what is bought for somebody else can be chosen again.
AGAIN = {"gift": "patronage_giving.gift", "seats": "patronage_giving.seats"}


@open_route(bp, "/support")
@everyone
@same_for_everybody
def support() -> ResponseReturnValue:
    """Show the join page; plan, interval and amount may be chosen by the address, as after "cancel" at Stripe."""
    article = _article(request.args.get("article"))
    ask = _chosen_by_address(queries.ask_for(session(), article=article, plan_key=request.args.get("plan", "")))
    return open_page("support", ask=ask, article=article, form=None, is_closed=ask is None and is_closed())


@open_route(bp, "/support", methods=["POST"])
@everyone
def start_checkout() -> ResponseReturnValue:
    """Send the reader to Stripe with their choice; nothing typed is ever lost."""
    default = queries.default_plan(session())
    form = SupportForm({plan.key: plan for plan in queries.offered_plans(session())}, default)
    article = _article(form.article.data)
    ask = queries.ask_for(session(), article=article, plan_key=form.chosen_plan.key)
    if ask is None:
        return private_page("support", ask=None, article=article, form=None, is_closed=True), 409
    if not form.validate_on_submit():
        return private_page("support", ask=form.shown_in(ask), article=article, form=form, problem=True, is_closed=False), 422
    plan, interval, amount = form.chosen_plan, form.interval.data, form.amount_minor
    back = _join_path(plan.key if plan is not default else None, interval, amount, article.slug if article else None)
    choice = choice_of(plan, interval=interval, amount_minor=amount, article_id=article.id if article else None)
    return go_to_checkout(choice, cancel_path=back, retry_path=url_for(".start_checkout"), kept=form.kept())


@bp.get("/support/return")
@everyone
def support_return() -> ResponseReturnValue:
    """Say what we know of the payment that this browser comes back from; it proves nothing by itself."""
    if "session_id" in request.args:
        remember(queries.find_attempt_by_session(session(), request.args["session_id"]))
        return redirect(url_for(".support_return"), code=303)
    attempt = own_attempt()
    if attempt is None:
        return private_page("support_return", state="unknown"), 404
    languages.speak(attempt.language)
    state = _state_now(attempt)
    if state == "paid":
        return _welcome(attempt) if attempt.purpose == "membership" else _thank_giver(attempt)
    again = _again(attempt)
    return private_page("support_return", state=state, attempt=attempt, again=again), 503 if state == "unreachable" else 200


@open_route(bp, "/support/other")
@everyone
@same_for_everybody
def other_ways() -> ResponseReturnValue:
    """Show how else one can help."""
    return open_page("other_ways", plan=queries.find_default_plan(session()), is_closed=is_closed())


def _chosen_by_address(ask: Ask | None) -> Ask | None:
    """Return the ask with the interval and the amount that the address names."""
    interval, amount = request.args.get("interval", ""), request.args.get("amount", type=int)
    if ask is None:
        return None
    is_preset = any(amount in group.amounts for group in ask.groups if group.interval == interval)
    return ask.with_choice(interval, amount_minor=amount, typed="" if is_preset else typed_amount(amount, ask.currency))


def _state_now(attempt: CheckoutAttempt) -> str:
    """Return paid, failed, waiting, open, expired, or unreachable; Stripe is asked unless the webhook was faster."""
    if attempt.paid_at is None and attempt.failed_at is None and attempt.stripe_session_id:
        try:
            outcome = services.sync_checkout(session(), gateway(), stripe_session_id=attempt.stripe_session_id, now=now())
        except Unavailable:
            return "unreachable"
        session().refresh(attempt)
        if outcome == services.SECOND:  # the same member pays twice
            kernel().queue.wake("duplicates")
        kernel().queue.wake("mails")
    if attempt.paid_at:
        return "paid"
    if attempt.failed_at:
        return "failed"
    return "waiting" if attempt.completed_at else "expired" if attempt.expired_at else "open"


def _welcome(attempt: CheckoutAttempt) -> ResponseReturnValue:
    """Sign the browser that paid in, and lead on to the open vote, else to the thank-you page."""
    signed_in = current_user.is_authenticated
    if not signed_in:
        paid_in = browser.browser_hash()
        member_id = services.use_paid_checkout(session(), attempt_id=attempt.id, browser_hash=paid_in, now=now())
        if member_id is not None:
            token = start_session(session(), member_id=member_id, method="checkout", browser_hash=paid_in, now=now())
            browser.sign_in_browser(token)
            flask.session[ATTEMPT] = str(attempt.id)
            signed_in = True
    round_ = find_open_round(session(), at=now())
    slug = queries.find_article_slug(session(), attempt.article_id)
    if round_ is not None and signed_in:
        return redirect(url_for("voting.show_round", round_slug=round_.slug, welcome=1, article=slug), code=303)
    # Of an attempt that another tab has settled only its owner learns the address.
    viewer = current_user.member if signed_in else None
    person = viewer if viewer is not None and viewer.id == attempt.member_id else None
    return private_page(
        "thanks",
        payment=queries.find_payment_of_attempt(session(), attempt.id),
        attempt=attempt,
        person=person,
        signed_in=signed_in,
        article_slug=slug,
        latest=latest_published_round(session()),
    )


def _thank_giver(attempt: CheckoutAttempt) -> ResponseReturnValue:
    """Thank for what was paid for somebody else: nobody is signed in, and nobody becomes a patron, by it."""
    gift = giving.find_gift_of_attempt(session(), attempt.id)
    is_good = gift is not None and gift.reversed_at is None
    code = services.show_gift_code(session(), gift_id=gift.id, secret_key=settings().secret_key) if gift and is_good else None
    kernel().queue.wake("seats")
    payment = queries.find_payment_of_attempt(session(), attempt.id)
    return private_page("thanks", payment=payment, attempt=attempt, gift=gift, code=code)


def _again(attempt: CheckoutAttempt) -> str:
    """Return where the same choice can be made again."""
    slug = queries.find_article_slug(session(), attempt.article_id)
    if attempt.purpose != "membership":
        return url_for(AGAIN[attempt.purpose], amount=attempt.amount_minor)
    plan = queries.find_plan_of(session(), attempt)
    default = queries.find_default_plan(session())
    key = plan.key if default is None or plan.id != default.id else None
    return _join_path(key, attempt.interval, attempt.amount_minor, slug)


def _join_path(plan_key: str | None, interval: str, amount_minor: int, slug: str | None) -> str:
    """Return the join page with a choice; the plan is named where it is not the first one."""
    return url_for(".support", plan=plan_key, interval=interval, amount=amount_minor, article=slug)


def _article(slug: str | None) -> Article | None:
    return find_published_article(session(), slug, at=now()) if slug and len(slug) <= MAX_SLUG else None
