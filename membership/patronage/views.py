"""The ask, the way to Stripe and back, the patron's own page, and the way out."""

import hmac
from typing import Any
from uuid import UUID

import flask
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts.queries import get_member
from membership.accounts.services import start_session
from membership.articles.models import Article
from membership.articles.queries import find_article_by_slug
from membership.errors import Unavailable
from membership.money import MAX_MINOR, to_major
from membership.patronage import queries, services
from membership.patronage.forms import MAX_SLUG, SupportForm
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt
from membership.voting.queries import find_open_round, latest_published_round
from membership.web import browser, languages
from membership.web.audience import everyone
from membership.web.database import kernel, now, session, settings
from membership.web.languages import current_language, open_route
from membership.web.open_pages import open_page

bp = Blueprint("patronage", __name__)

ATTEMPT = "attempt"  # in the signed cookie: which try to pay this browser came back from


@open_route(bp, "/support")
@everyone
@open_page
def support() -> ResponseReturnValue:
    """Show the join page; interval and amount may be chosen by the address, as after "cancel" at Stripe."""
    article = _article(request.args.get("article"))
    ask = queries.ask_for(session(), article=article)
    if ask is not None:
        amount = request.args.get("amount", type=int)
        ask = ask.with_choice(request.args.get("interval", ""), amount_minor=amount, typed=_typed(amount, ask.currency))
    return _open_page("support", ask=ask, article=article, form=None)


@open_route(bp, "/support", methods=["POST"])
@everyone
def start_checkout() -> ResponseReturnValue:
    """Send the reader to Stripe with their choice; nothing typed is ever lost."""
    plan = queries.default_plan(session())
    form = SupportForm(plan)
    article = _article(form.article.data)
    if not form.validate_on_submit():
        ask = queries.ask_for(session(), article=article)
        return _page("support", ask=form.shown_in(ask) if ask else None, article=article, form=form, problem=True), 422
    try:
        opened = services.start_checkout(session(), _gateway(), now=now(), **_order(form, article))
    except services.AlreadyPatron as known:
        flash(_(known.message), "warning")
        return redirect(url_for("patronage_account.show_account"), code=303)
    except services.AlreadyPaid as paid:
        flask.session[ATTEMPT] = str(paid.attempt.id)
        return redirect(url_for(".support_return"), code=303)
    except Unavailable as away:
        return _page("unreachable", kept=form.kept(), message=_(away.message)), 503, {"Retry-After": "60"}
    return redirect(opened.url, code=303)


@bp.get("/support/return")
@everyone
def support_return() -> ResponseReturnValue:
    """Say what we know of the payment that this browser comes back from; it proves nothing by itself."""
    if "session_id" in request.args:
        _remember(queries.find_attempt_by_session(session(), request.args["session_id"]))
        return redirect(url_for(".support_return"), code=303)
    attempt = _own_attempt()
    if attempt is None:
        return _page("support_return", state="unknown"), 404
    languages.speak(attempt.language)
    state = _state_now(attempt)
    if state == "paid":
        return _welcome(attempt)
    slug = queries.find_article_slug(session(), attempt.article_id)
    return _page(
        "support_return", state=state, attempt=attempt, again=_again(attempt, slug)
    ), 503 if state == "unreachable" else 200


@open_route(bp, "/support/other")
@everyone
@open_page
def other_ways() -> ResponseReturnValue:
    """Show how else one can help."""
    return _open_page("other_ways", plan=queries.find_default_plan(session()))


def _order(form: SupportForm, article: Article | None) -> dict[str, Any]:
    """Return what start_checkout needs of a valid form."""
    site = settings().site_url
    slug = article.slug if article else None
    choice = services.Choice(
        plan=form.plan,
        interval=form.interval.data,
        amount_minor=form.amount_minor,
        language=current_language(),
        browser_hash=browser.browser_hash(),
        member_id=current_user.member.id if current_user.is_authenticated else None,
        article_id=article.id if article else None,
    )
    back = url_for(".support", interval=choice.interval, amount=choice.amount_minor, article=slug)
    # The braces are Stripe's placeholder and must arrive as they are.
    success_url = f"{site}{url_for('.support_return')}?session_id={{CHECKOUT_SESSION_ID}}"
    return {"choice": choice, "success_url": success_url, "cancel_url": site + back}


def _remember(attempt: CheckoutAttempt | None) -> None:
    """Keep in the cookie which attempt this browser came back from; somebody else's is forgotten at once."""
    known_browser = browser.find_browser_hash()
    if attempt is not None and known_browser and hmac.compare_digest(attempt.browser_hash, known_browser):
        flask.session[ATTEMPT] = str(attempt.id)
    else:
        flask.session.pop(ATTEMPT, None)


def _own_attempt() -> CheckoutAttempt | None:
    kept = flask.session.get(ATTEMPT)
    attempt = queries.find_attempt(session(), UUID(kept)) if kept else None
    known_browser = browser.find_browser_hash() or b""
    return attempt if attempt and hmac.compare_digest(attempt.browser_hash, known_browser) else None


def _state_now(attempt: CheckoutAttempt) -> str:
    """Return paid, waiting, open, expired, or unreachable; Stripe is asked unless the webhook was faster."""
    if attempt.paid_at is None and attempt.stripe_session_id:
        try:
            services.sync_checkout(session(), _gateway(), stripe_session_id=attempt.stripe_session_id, now=now())
        except Unavailable:
            return "unreachable"
        session().refresh(attempt)
        kernel().queue.wake("mails")
    if attempt.paid_at:
        return "paid"
    return "waiting" if attempt.completed_at else "expired" if attempt.expired_at else "open"


def _welcome(attempt: CheckoutAttempt) -> ResponseReturnValue:
    """Sign the browser that paid in, and lead on to the open vote, else to the thank-you page."""
    signed_in = current_user.is_authenticated
    if not signed_in:
        member_id = services.use_paid_checkout(session(), attempt_id=attempt.id, browser_hash=browser.browser_hash(), now=now())
        if member_id is not None:
            browser.sign_in_browser(start_session(session(), member_id=member_id, method="checkout", now=now()))
            flask.session[ATTEMPT] = str(attempt.id)
            signed_in = True
    round_ = find_open_round(session(), at=now())
    slug = queries.find_article_slug(session(), attempt.article_id)
    if round_ is not None and signed_in:
        return redirect(url_for("voting.show_round", round_slug=round_.slug, welcome=1, article=slug), code=303)
    person = get_member(session(), attempt.member_id) if attempt.member_id else None
    return _page(
        "thanks",
        payment=queries.find_payment_of_attempt(session(), attempt.id),
        attempt=attempt,
        person=person,
        signed_in=signed_in,
        article_slug=slug,
        latest=latest_published_round(session()),
    )


def _again(attempt: CheckoutAttempt, slug: str | None) -> str:
    return url_for(".support", interval=attempt.interval, amount=attempt.amount_minor, article=slug)


def _article(slug: str | None) -> Article | None:
    """Return the article that a reader comes from; one that is not published is nobody's yet."""
    found = find_article_by_slug(session(), slug) if slug and len(slug) <= MAX_SLUG else None
    return found if found and found.published_at <= now() else None


def _typed(amount_minor: int | None, currency: str) -> str:
    """Return an amount as somebody would type it."""
    if amount_minor is None or not 0 < amount_minor <= MAX_MINOR:
        return ""
    return f"{to_major(amount_minor, currency):f}".removesuffix(".00")


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["gateway"]
    return gateway


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    return render_template(f"patronage/{name}.html", viewer=viewer, **context)


def _open_page(name: str, **context: object) -> str:
    """Render a page that is the same for everybody."""
    alternates = {code: languages.path_in(code) for code in settings().languages}
    return render_template(f"patronage/{name}.html", alternates=alternates, **context)
