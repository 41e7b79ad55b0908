"""Signing in and out, and the pages of somebody's own account data."""

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from membership.accounts import queries, services, sign_in_rules
from membership.accounts.addresses import normalise
from membership.accounts.forms import CodeForm, SettingsForm, SignInForm
from membership.accounts.login import change_session, end_present_session
from membership.accounts.models import SignInRequest
from membership.errors import TooOften
from membership.web import browser
from membership.web import database as web
from membership.web.audience import everyone, member, safe_next
from membership.web.errors import refusal_text, retry_after
from membership.web.filters import retry_time
from membership.web.languages import current_language, open_route
from membership.web.network import network_hash

bp = Blueprint("accounts", __name__)

MAX_NEXT = 1000
CODE_FAILURES = {
    "wrong": _l("This code is not right. Look at our newest mail and type its 6 digits again."),
    "tries": _l(
        "Wrong codes were typed too often, so no code works here now. Open the link in our newest mail, or ask for a new one."
    ),
    "expired": _l("This code has run out: a code works for ten minutes. Ask for a new mail below."),
    "used": _l("This code has been used already. Ask for a new mail below."),
    "replaced": _l("This code was replaced by a newer one. Ask for a new mail below."),
    "unknown": _l("This browser has not asked for a code, or that was long ago. Ask for a new mail below."),
}
LINK_FAILURES = {
    "tries": _l("A wrong code was typed five times, so this link no longer works."),
    "expired": _l("This link has run out: a link works for ten minutes."),
    "used": _l("This link has been used already; each works once."),
    "replaced": _l("A newer mail has replaced this link."),
    "unknown": _l("We don't know this link. Perhaps your mail cut it off, it is older than a day, or a newer mail replaced it."),
}


@open_route(bp, "/sign-in", methods=["GET", "POST"])
@everyone
def sign_in() -> ResponseReturnValue:
    """Ask whose mailbox shall prove who is there."""
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")) or _home(), code=303)
    form = SignInForm(next=_storable(request.args.get("next")))
    if not form.validate_on_submit():
        return _sign_in_page(form), 422 if form.is_submitted() else 200
    try:
        again_at = _ask(form)
    except TooOften as refused:
        form.email.errors = [refusal_text(refused)]
        return _sign_in_page(form), 429, retry_after(refused)
    if again_at is not None:
        return _enough_mails_page(form, again_at), 429, retry_after(TooOften(retry_at=again_at))
    web.kernel().queue.wake("mails")
    return redirect(url_for(".check_mail"), code=303)


@open_route(bp, "/sign-in/code", methods=["GET", "POST"])
@everyone
def check_mail() -> ResponseReturnValue:
    """Say that a mail is on its way, the same to everybody, and take its code."""
    form = CodeForm()
    if not form.validate_on_submit():
        return _check_mail_page(form), 422 if form.is_submitted() else 200
    try:
        signed_in = services.finish_sign_in_with_code(
            web.session(),
            typist=services.Typist(browser.find_browser_hash(), network_hash()),
            code=form.code.data,
            secret_key=web.settings().secret_key,
            now=web.now(),
        )
    except services.SignInFailed as failed:
        form.code.errors = [CODE_FAILURES[failed.state]]
        return _check_mail_page(form), 422
    except TooOften as refused:
        form.code.errors = [refusal_text(refused)]
        return _check_mail_page(form), 429, retry_after(refused)
    return _welcome(signed_in)


@open_route(bp, "/sign-in/link/<token>", methods=["GET"])
@everyone
def open_link(token: str) -> ResponseReturnValue:
    """Show what a mailed link can do, and use nothing up: mail scanners open links too."""
    found = queries.find_request_by_token(web.session(), token)
    state = sign_in_rules.state_of(found, web.now(), "link")
    if found is None or state != "live":
        return _dead_link_page(state, found)
    return _link_page(found, CodeForm())


@open_route(bp, "/sign-in/link/<token>", methods=["POST"])
@everyone
def use_link(token: str) -> ResponseReturnValue:
    """Sign in by a mailed link; a browser that did not ask for it has to know the code too."""
    found = queries.find_request_by_token(web.session(), token)
    if found is None:
        return _dead_link_page("unknown", None)
    form = CodeForm()
    is_live = sign_in_rules.state_of(found, web.now(), "link") == "live"  # of a dead one nobody is asked for the code
    if is_live and not _asked_here(found) and not form.validate():
        return _link_page(found, form), 422
    typist = services.Typist(browser.browser_hash(), network_hash())
    key = web.settings().secret_key
    try:
        signed_in = services.finish_sign_in_with_link(
            web.session(), token=token, typist=typist, code=form.code.data, secret_key=key, now=web.now()
        )
    except services.SignInFailed as failed:
        if failed.state != "wrong":
            return _dead_link_page(failed.state, found)
        form.code.errors = [CODE_FAILURES["wrong"]]
        return _link_page(found, form), 422
    except TooOften as refused:
        form.code.errors = [refusal_text(refused)]
        return _link_page(found, form), 429, retry_after(refused)
    return _welcome(signed_in)


@bp.post("/sign-out")
@everyone
def sign_out() -> ResponseReturnValue:
    """End this browser's session on the server; safe to repeat."""
    end_present_session()
    browser.sign_out_browser()
    flash(_("You are signed out."))
    return redirect(url_for(".sign_in"), code=303)


@bp.route("/account/settings", methods=["GET", "POST"])
@member
def settings() -> ResponseReturnValue:
    """Change how we call somebody and in which language."""
    person = current_user.member
    form = SettingsForm(web.settings().languages, display_name=person.display_name, language=person.language)
    if not form.validate_on_submit():
        return _page("settings", form=form), 422 if form.is_submitted() else 200
    services.change_settings(
        web.session(),
        member_id=person.id,
        display_name=form.display_name.data,
        language=form.language.data,
    )
    flash(_("Saved."))
    return redirect(url_for(".settings"), code=303)


def _ask(form: SignInForm) -> datetime | None:
    return services.ask_sign_in(
        web.session(),
        email=form.email.data,
        browser_hash=browser.browser_hash(),
        language=current_language(),
        next_path=_storable(form.next.data),
        network=network_hash(),
        now=web.now(),
    )


def _welcome(signed_in: services.SignedIn) -> ResponseReturnValue:
    change_session(signed_in.token)
    web.kernel().queue.wake("mails")  # perhaps its owner is told
    return redirect(safe_next(signed_in.next_path) or _home(), code=303)


def _home() -> str:
    return url_for("patronage_account.show_account")


def _storable(path: str | None) -> str:
    return safe_next(path) or "" if len(path or "") <= MAX_NEXT else ""


def _asked_here(found: SignInRequest) -> bool:
    return sign_in_rules.asked_in(found, browser.find_browser_hash())


def _asked_last() -> SignInRequest | None:
    known_browser = browser.find_browser_hash()
    return queries.find_request_of_browser(web.session(), known_browser) if known_browser else None


def _check_mail_page(form: CodeForm) -> str:
    asked = _asked_last()
    return _page("check_mail", form=form, email=asked.email if asked else "", next_path=asked.next_path if asked else "")


def _sign_in_page(form: SignInForm) -> str:
    alternates = {code: url_for(".sign_in", lang=code, next=form.next.data or None) for code in web.settings().languages}
    return _page("sign_in", form=form, alternates=alternates)


def _enough_mails_page(form: SignInForm, again_at: datetime) -> str:
    """Say that no mail was sent and how to get in without one: the same for known and unknown addresses."""
    asked = _asked_last()
    again = retry_time(again_at, web.now(), web.settings().time_zone)
    # Of what others asked for this address the page tells nothing: it looks at this browser's own mails only.
    takes_code = asked is not None and asked.email == normalise(form.email.data)
    return _page("enough_mails", form=CodeForm(formdata=None), email=form.email.data, again=again, takes_code=takes_code)


def _link_page(found: SignInRequest, form: CodeForm) -> str:
    return _page("open_link", form=form, asked_here=_asked_here(found))


def _dead_link_page(state: str, found: SignInRequest | None) -> ResponseReturnValue:
    """Say what became of a link and offer a new mail; the address is kept where this browser typed it."""
    asked = found if found is not None and _asked_here(found) else _asked_last() if found is None else None
    form = SignInForm(formdata=None, email=asked.email if asked else "", next=asked.next_path if asked else "")
    return _page("dead_link", form=form, reason=LINK_FAILURES[state]), 404 if state == "unknown" else 410


def _page(name: str, **context: object) -> str:
    viewer = current_user if current_user.is_authenticated else None
    form = context.get("form")
    return render_template(
        f"accounts/{name}.html",
        viewer=viewer,
        problem=isinstance(form, CodeForm | SettingsForm | SignInForm) and bool(form.errors),
        **context,
    )
