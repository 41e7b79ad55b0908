"""Signing in with a passkey, and the pages of somebody's own passkeys."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm

from membership.accounts import services, staff_queries
from membership.accounts.login import change_session, relying_party
from membership.accounts.models import Invitation, Member
from membership.accounts.passkey_forms import NameForm, NewPasskeyForm, RecoveryForm, SignInWithPasskeyForm
from membership.accounts.role_forms import ROLE_NAMES
from membership.errors import NotAllowed, Refusal, TooOften
from membership.web import browser, languages
from membership.web import database as web
from membership.web.audience import ANSWER, asks_again, confirm_page, enrolling, everyone, safe_next, staff
from membership.web.errors import refusal_text, retry_after
from membership.web.network import asker, network_hash

bp = Blueprint("passkeys", __name__, url_prefix="/staff")

# How often one browser, and one network, may begin to sign in within an hour: each time is a row.
BEGUN_BY_BROWSER, BEGUN_BY_NETWORK = 60, 600


@bp.get("/sign-in")
@everyone
def sign_in() -> ResponseReturnValue:
    """Ask staff for a passkey."""
    if current_user.is_authenticated and current_user.is_staff:
        return redirect(safe_next(request.args.get("next")) or url_for("staff.desk"), code=303)
    return _page("sign_in", form=SignInWithPasskeyForm(next=safe_next(request.args.get("next"))))


@bp.post("/sign-in/options")
@everyone
def sign_in_options() -> ResponseReturnValue:
    """Give the browser what its authenticator shall sign."""
    return _options(
        lambda: services.begin_sign_in(
            web.session(),
            party=relying_party(),
            browser_hash=browser.browser_hash(),
            most=asker(person=BEGUN_BY_BROWSER, network=BEGUN_BY_NETWORK),
            now=web.now(),
        ),
    )


@bp.post("/sign-in")
@everyone
def finish_sign_in() -> ResponseReturnValue:
    """Sign in whoever's passkey answered."""
    form = SignInWithPasskeyForm()
    if not form.validate():
        return _page("sign_in", form=form), 422
    proof = {"answer": form.passkey_answer.data, "browser_hash": browser.browser_hash()}
    try:
        token = services.finish_sign_in(web.session(), party=relying_party(), now=web.now(), **proof)
    except NotAllowed as refusal:
        form.form_errors.append(_(refusal.message))
        return _page("sign_in", form=form), 422
    change_session(token)
    return redirect(safe_next(form.next.data) or url_for("staff.desk"), code=303)


@bp.route("/recover", methods=["GET", "POST"])
@everyone
def recover() -> ResponseReturnValue:
    """Let somebody who has lost every passkey in with a recovery code, to add a new one."""
    form = RecoveryForm()
    if not form.validate_on_submit():
        return _page("recover", form=form), 422 if form.is_submitted() else 200
    proof = {"address": form.address.data, "code": form.code.data, "secret_key": web.settings().secret_key}
    network, own = network_hash(), browser.browser_hash()
    try:
        token = services.use_recovery_code(web.session(), network=network, browser_hash=own, now=web.now(), **proof)
    except (NotAllowed, TooOften) as refusal:
        form.form_errors.append(refusal_text(refusal))
        return _page("recover", form=form), 429 if isinstance(refusal, TooOften) else 422, retry_after(refusal)
    web.kernel().queue.wake("mails")
    change_session(token)
    return redirect(url_for(".new_passkey"), code=303)


@bp.get("/passkeys")
@staff()
def list_passkeys() -> ResponseReturnValue:
    """Show somebody's passkeys, and how many recovery codes are left."""
    member_id = current_user.member.id
    passkeys = staff_queries.passkeys_of(web.session(), member_id)
    return _page("list_passkeys", passkeys=passkeys, codes_left=staff_queries.count_recovery_codes(web.session(), member_id))


@bp.route("/passkeys/new", methods=["GET", "POST"])
@enrolling
@asks_again
def new_passkey() -> ResponseReturnValue:
    """Add a passkey."""
    member_id = current_user.member.id
    number = len(staff_queries.passkeys_of(web.session(), member_id)) + 1
    form = NewPasskeyForm(name=_("Passkey %(number)s", number=number))
    if not form.validate_on_submit():
        return _page("new_passkey", form=form), 422 if form.is_submitted() else 200
    here = {"member_id": member_id, "session_id": current_user.session_id}
    try:
        token = services.finish_registration(web.session(), now=web.now(), **here, **_made(form))
    except Refusal as refusal:
        form.form_errors.append(_(refusal.message))
        return _page("new_passkey", form=form), 422
    return _welcome(token, _("The passkey “%(name)s” is added.", name=form.name.data))


@bp.post("/passkeys/new/options")
@enrolling
def new_passkey_options() -> ResponseReturnValue:
    """Give the browser what its authenticator shall make."""
    return _options(
        lambda: services.begin_registration(
            web.session(),
            member_id=current_user.member.id,
            party=relying_party(),
            browser_hash=browser.browser_hash(),
            now=web.now(),
        ),
    )


@bp.route("/passkeys/<int:passkey_id>/name", methods=["GET", "POST"])
@staff()
def rename_passkey(passkey_id: int) -> ResponseReturnValue:
    """Call a passkey by another name."""
    passkey = staff_queries.get_passkey(web.session(), current_user.member.id, passkey_id)
    form = NameForm(name=passkey.name)
    if not form.validate_on_submit():
        return _page("rename_passkey", form=form, passkey=passkey), 422 if form.is_submitted() else 200
    services.rename_passkey(
        web.session(), member_id=current_user.member.id, passkey_id=passkey_id, name=form.name.data, now=web.now()
    )
    return redirect(url_for(".list_passkeys"), code=303)


@bp.post("/passkeys/<int:passkey_id>/removal")
@staff()
@asks_again
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    """Remove a passkey, but not the last one."""
    services.remove_passkey(
        web.session(),
        member_id=current_user.member.id,
        passkey_id=passkey_id,
        keep_session_id=current_user.session_id,
        now=web.now(),
    )
    web.kernel().queue.wake("mails")
    flash(_("The passkey is removed, and you are signed out everywhere but here."))
    return redirect(url_for(".list_passkeys"), code=303)


@bp.post("/passkeys/recovery-codes")
@staff()
@asks_again
def make_recovery_codes() -> ResponseReturnValue:
    """Make recovery codes and show them: this once, so there is nowhere to lead to."""
    codes = services.make_recovery_codes(web.session(), member_id=current_user.member.id, now=web.now())
    return _page("recovery_codes", codes=codes)


@bp.post("/confirm")
@staff()
def confirm() -> ResponseReturnValue:
    """Take a passkey that was asked for, and go on to where somebody was going."""
    try:
        current_user.prove(request.form.get(ANSWER, ""))
    except NotAllowed as refusal:
        return confirm_page(_(refusal.message)), 422
    return redirect(safe_next(request.form.get("next")) or url_for("staff.desk"), code=303)


@bp.post("/confirm/options")
@staff()
def confirm_options() -> ResponseReturnValue:
    """Give the browser what one of this person's authenticators shall sign."""
    return _options(
        lambda: services.begin_confirmation(
            web.session(),
            member_id=current_user.member.id,
            party=relying_party(),
            browser_hash=browser.browser_hash(),
            now=web.now(),
        ),
    )


@bp.get("/invitation/<token>")
@everyone
def show_invitation(token: str) -> ResponseReturnValue:
    """Show who invites and to what; looking uses nothing up."""
    invitation = _invited(token)
    return _invitation_page(invitation, token, NewPasskeyForm(name=_("Passkey %(number)s", number=1)))


@bp.post("/invitation/<token>/options")
@everyone
def invitation_options(token: str) -> ResponseReturnValue:
    """Give the browser what the invited person's authenticator shall make."""
    return _options(
        lambda: services.begin_acceptance(
            web.session(),
            token=token,
            party=relying_party(),
            browser_hash=browser.browser_hash(),
            now=web.now(),
        ),
    )


@bp.post("/invitation/<token>")
@everyone
def accept_invitation(token: str) -> ResponseReturnValue:
    """Accept an invitation by making a passkey."""
    invitation, form = _invited(token), NewPasskeyForm()
    if invitation is None or not form.validate():
        return _invitation_page(invitation, token, form)
    try:
        session_token = services.accept_invitation(web.session(), token=token, now=web.now(), **_made(form))
    except Refusal as refusal:
        form.form_errors.append(_(refusal.message))
        return _invitation_page(_invited(token), token, form)
    return _welcome(session_token, _("Welcome. From now on you sign in with this passkey."))


def _invited(token: str) -> Invitation | None:
    """Return the invitation, and speak its language before anything is said."""
    invitation = staff_queries.find_invitation(web.session(), token, now=web.now())
    if invitation is not None:
        languages.speak(invitation.language)
    return invitation


def _invitation_page(invitation: Invitation | None, token: str, form: NewPasskeyForm) -> ResponseReturnValue:
    if invitation is None:
        return _page("dead_invitation"), 410
    host = web.session().get(Member, invitation.invited_by) if invitation.invited_by else None
    status = 422 if form.errors else 200
    return _page("show_invitation", form=form, token=token, invitation=invitation, host=host, names=ROLE_NAMES), status


def _made(form: NewPasskeyForm) -> dict[str, Any]:
    """Return what the browser sent of a new passkey, as the services take it."""
    return {
        "party": relying_party(),
        "answer": form.passkey_answer.data,
        "name": form.name.data,
        "browser_hash": browser.browser_hash(),
    }


def _options(begin: Callable[[], str]) -> ResponseReturnValue:
    """Answer a page's script with options, or with the sentence that it shall show."""
    try:
        return Response(begin(), mimetype="application/json")
    except Refusal as refusal:
        return {"problem": refusal_text(refusal)}, 429 if isinstance(refusal, TooOften) else 409


def _welcome(token: str, words: str) -> ResponseReturnValue:
    change_session(token)
    web.kernel().queue.wake("mails")
    flash(words)
    return redirect(url_for(".list_passkeys"), code=303)


def _page(name: str, **context: object) -> str:
    form = context.get("form")
    viewer = current_user if current_user.is_authenticated else None
    problem = isinstance(form, FlaskForm) and bool(form.errors)
    return render_template(f"passkeys/{name}.html", viewer=viewer, problem=problem, **context)
