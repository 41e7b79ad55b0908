"""What every page that leads to Stripe and back shares."""

import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import flask
from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Refusal, TooOften, Unavailable
from membership.money import MAX_MINOR, to_major
from membership.patronage import queries, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import CheckoutAttempt, Plan
from membership.web import browser, languages
from membership.web.database import now, session, settings
from membership.web.errors import refusal_text, retry_after
from membership.web.languages import current_language
from membership.web.network import asker

# Behind some networks live many readers, and of all limits this one must not keep them from paying.
STARTS_AN_HOUR, STARTS_AN_HOUR_OF_NETWORK = 20, 300
ATTEMPT = "attempt"  # in the signed cookie: which try to pay this browser came back from


def choice_of(
    plan: Plan, *, interval: str = "once", amount_minor: int, article_id: int | None = None, purpose: str = "membership"
) -> services.Choice:
    """Return what this browser, and whoever is signed in there, chose."""
    return services.Choice(
        plan=plan,
        interval=interval,
        amount_minor=amount_minor,
        language=current_language(),
        browser_hash=browser.browser_hash(),
        member_id=current_user.member.id if current_user.is_authenticated else None,
        article_id=article_id,
        purpose=purpose,
    )


def go_to_checkout(choice: services.Choice, *, cancel_path: str, retry_path: str, kept: Mapping[str, str]) -> ResponseReturnValue:
    """Send the reader to Stripe with their choice, or to the page that says why not; nothing typed is ever lost."""
    site = settings().site_url
    # The braces are Stripe's placeholder and must arrive as they are.
    success_url = f"{site}{url_for('patronage.support_return')}?session_id={{CHECKOUT_SESSION_ID}}"
    try:
        opened = services.start_checkout(
            session(),
            gateway(),
            choice=choice,
            success_url=success_url,
            cancel_url=site + cancel_path,
            asked_by=asker(person=STARTS_AN_HOUR, network=STARTS_AN_HOUR_OF_NETWORK),
            now=now(),
        )
    except services.AlreadyPatron as known:
        flash(_(known.message), "warning")
        return redirect(url_for("patronage_account.show_account"), code=303)
    except services.AlreadyPaid as paid:
        flask.session[ATTEMPT] = str(paid.attempt.id)
        return redirect(url_for("patronage.support_return"), code=303)
    except TooOften as refused:
        return _try_again_page(refused, retry_path, kept), 429, retry_after(refused)
    except Unavailable as away:
        return _try_again_page(away, retry_path, kept), 503, {"Retry-After": "60"}
    return redirect(opened.url, code=303)


def remember(attempt: CheckoutAttempt | None) -> None:
    """Keep in the cookie which attempt this browser came back from; somebody else's is forgotten at once."""
    known_browser = browser.find_browser_hash()
    if attempt is not None and known_browser and hmac.compare_digest(attempt.browser_hash, known_browser):
        flask.session[ATTEMPT] = str(attempt.id)
    else:
        flask.session.pop(ATTEMPT, None)


def own_attempt() -> CheckoutAttempt | None:
    """Return the attempt that this browser came back from."""
    kept = flask.session.get(ATTEMPT)
    attempt = queries.find_attempt(session(), UUID(kept)) if kept else None
    known_browser = browser.find_browser_hash() or b""
    return attempt if attempt and hmac.compare_digest(attempt.browser_hash, known_browser) else None


def typed_amount(amount_minor: int | None, currency: str) -> str:
    """Return an amount as somebody would type it."""
    if amount_minor is None or not 0 < amount_minor <= MAX_MINOR:
        return ""
    return f"{to_major(amount_minor, currency):f}".removesuffix(".00")


def is_closed() -> bool:
    """Return whether Stripe is closed to us."""
    return queries.find_stripe_closure(session()) is not None


def gateway() -> Gateway:
    """Return the app's way to Stripe."""
    found: Gateway = current_app.extensions["gateway"]
    return found


def private_page(name: str, **context: Any) -> str:
    """Render a page that knows who is looking."""
    viewer = current_user if current_user.is_authenticated else None
    return render_template(f"patronage/{name}.html", viewer=viewer, **context)


def open_page(name: str, **context: Any) -> str:
    """Render a page that is the same for everybody."""
    alternates = {code: languages.path_in(code) for code in settings().languages}
    return render_template(f"patronage/{name}.html", alternates=alternates, **context)


def _try_again_page(refused: Refusal, retry_path: str, kept: Mapping[str, str]) -> str:
    is_away = isinstance(refused, Unavailable)
    return private_page("unreachable", retry_path=retry_path, kept=kept, message=refusal_text(refused), is_away=is_away)
