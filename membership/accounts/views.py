"""Signing in and out, and the pages of somebody's own account data."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from membership.accounts import queries, services, sign_in_rules
from membership.accounts.forms import CodeForm, SettingsForm, SignInForm
from membership.accounts.models import SignInRequest
from membership.web import browser
from membership.web import database as web
from membership.web.audience import everyone, member, safe_next
from membership.web.languages import current_language, open_route

bp = Blueprint("accounts", __name__)

MAX_NEXT = 1000
CODE_FAILURES = {
    "wrong": _l("This code is not right. Look at our newest mail and type its 6 digits again."),
    "tries": _l("A wrong code was typed five times, so the right one no longer works. Ask for a new mail below."),
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
        alternates = {code: url_for(".sign_in", lang=code, next=form.next.data or None) for code in web.settings().languages}
        return _page("sign_in", form=form, alternates=alternates), 422 if form.is_submitted() else 200
    services.ask_sign_in(
        web.session(),
        email=form.email.data,
        browser_hash=browser.browser_hash(),
        language=current_language(),
        next_path=_storable(form.next.data),
        now=web.now(),
    )
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
            browser_hash=browser.find_browser_hash() or b"",
            code=form.code.data,
            secret_key=web.settings().secret_key,
            now=web.now(),
        )
    except services.SignInFailed as failed:
        form.code.errors = [CODE_FAILURES[failed.state]]
        return _check_mail_page(form), 422
    return _welcome(signed_in)


@open_route(bp, "/sign-in/link/<token>", methods=["GET"])
@everyone
def open_link(token: str) -> ResponseReturnValue:
    """Show what a mailed link can do, and use nothing up: mail scanners open links too."""
    found = queries.find_request_by_token(web.session(), token)
    state = sign_in_rules.state_of(found, web.now())
    if found is None or state != "live":
        return _dead_link_page(state)
    return _link_page(found, CodeForm())


@open_route(bp, "/sign-in/link/<token>", methods=["POST"])
@everyone
def use_link(token: str) -> ResponseReturnValue:
    """Sign in by a mailed link; a browser that did not ask for it has to know the code too."""
    found = queries.find_request_by_token(web.session(), token)
    form = CodeForm()
    is_live = sign_in_rules.state_of(found, web.now()) == "live"  # of a dead one nobody is asked for the code
    if found is not None and is_live and not _asked_here(found) and not form.validate():
        return _link_page(found, form), 422
    try:
        signed_in = services.finish_sign_in_with_link(
            web.session(),
            token=token,
            browser_hash=browser.find_browser_hash(),
            code=form.code.data,
            secret_key=web.settings().secret_key,
            now=web.now(),
        )
    except services.SignInFailed as failed:
        if found is None or failed.state != "wrong":
            return _dead_link_page(failed.state)
        form.code.errors = [CODE_FAILURES["wrong"]]
        return _link_page(found, form), 422
    return _welcome(signed_in)


@bp.post("/sign-out")
@everyone
def sign_out() -> ResponseReturnValue:
    """End this browser's session on the server; safe to repeat."""
    _end_present_session()
    browser.sign_out_browser()
    flash(_("You are signed out."))
    return redirect(url_for(".sign_in"), code=303)


@bp.get("/account/devices")
@member
def devices() -> ResponseReturnValue:
    """Show where this member is signed in."""
    sessions = queries.live_sessions_of(web.session(), current_user.member.id, now=web.now())
    return _page("devices", sessions=sessions)


@bp.post("/account/devices/<int:session_id>/end")
@member
def end_device(session_id: int) -> ResponseReturnValue:
    """Sign one other browser out."""
    services.end_session(web.session(), session_id=session_id, member_id=current_user.member.id, now=web.now())
    flash(_("That browser is signed out."))
    return redirect(url_for(".devices"), code=303)


@bp.post("/account/devices/end-others")
@member
def end_other_devices() -> ResponseReturnValue:
    """Sign every browser out but this one."""
    services.end_other_sessions(web.session(), member_id=current_user.member.id, keep_id=current_user.session_id, now=web.now())
    flash(_("You are signed out everywhere but here."))
    return redirect(url_for(".devices"), code=303)


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


def _welcome(signed_in: services.SignedIn) -> ResponseReturnValue:
    _end_present_session()
    browser.sign_in_browser(signed_in.token)
    return redirect(safe_next(signed_in.next_path) or _home(), code=303)


def _end_present_session() -> None:
    if current_user.is_authenticated:
        services.end_session(
            web.session(),
            session_id=current_user.session_id,
            member_id=current_user.member.id,
            now=web.now(),
        )


def _home() -> str:
    return url_for("patronage_account.show_account")


def _storable(path: str | None) -> str:
    return safe_next(path) or "" if len(path or "") <= MAX_NEXT else ""


def _asked_here(found: SignInRequest) -> bool:
    return sign_in_rules.asked_in(found, browser.find_browser_hash())


def _check_mail_page(form: CodeForm) -> str:
    known_browser = browser.find_browser_hash()
    asked = queries.find_request_of_browser(web.session(), known_browser) if known_browser else None
    return _page("check_mail", form=form, email=asked.email if asked else "", next_path=asked.next_path if asked else "")


def _link_page(found: SignInRequest, form: CodeForm) -> str:
    return _page("open_link", form=form, asked_here=_asked_here(found))


def _dead_link_page(state: str) -> ResponseReturnValue:
    form = SignInForm(formdata=None)
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
