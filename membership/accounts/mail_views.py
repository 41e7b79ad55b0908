"""Which mails somebody gets: their own page, and the link that stops some of them without signing in."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts import services
from membership.accounts.address_forms import GROUP_WORDS, MailsForm
from membership.accounts.mail_links import read_mails_token
from membership.accounts.models import MAIL_GROUPS, Member
from membership.accounts.queries import wants
from membership.web import languages
from membership.web.audience import everyone, member, signed
from membership.web.database import now, session, settings

bp = Blueprint("accounts_mails", __name__)

ONE_CLICK = ("List-Unsubscribe", "One-Click")  # what a mail program sends, and our own button too


@bp.route("/account/mails", methods=["GET", "POST"])
@member
def mails() -> ResponseReturnValue:
    """Show which mails we send, and let some of them be switched off."""
    person = current_user.member
    form = MailsForm(groups=[group for group in MAIL_GROUPS if wants(session(), person.id, group)])
    if not form.validate_on_submit():
        page = render_template("accounts/mails.html", viewer=current_user, form=form, problem=bool(form.errors))
        return page, 422 if form.is_submitted() else 200
    services.choose_mails(session(), member_id=person.id, wanted=frozenset(form.groups.data), now=now())
    flash(_("Saved."))
    return redirect(url_for(".mails"), code=303)


@bp.get("/mails/off/<token>")
@everyone
def show_mails_off(token: str) -> ResponseReturnValue:
    """Show one button; nothing happens: mail scanners open links too."""
    return _with_token(token, "ask_off")


@bp.post("/mails/off/<token>")
@signed(by="unsubscribe")
def mails_off(token: str) -> ResponseReturnValue:
    """Stop these mails, by a mail program's own button (RFC 8058: no cookies, and it follows no redirect) or by ours."""
    if request.form.get(ONE_CLICK[0]) != ONE_CLICK[1]:
        return _with_token(token, "ask_off", 422)
    return _with_token(token, "off", switch_to=False)


@bp.get("/mails/on/<token>")
@everyone
def show_mails_on(token: str) -> ResponseReturnValue:
    """Show the button that lets them come again."""
    return _with_token(token, "ask_on")


@bp.post("/mails/on/<token>")
@everyone
def mails_on(token: str) -> ResponseReturnValue:
    """Let these mails come again."""
    return _with_token(token, "on", switch_to=True)


def _with_token(token: str, state: str, status: int = 200, *, switch_to: bool | None = None) -> ResponseReturnValue:
    """Show a page about what a link names, which has no name and no address on it; switch it if that is asked for."""
    try:
        member_id, group = read_mails_token(settings().secret_key, token, now=now())
    except ValueError:
        return _page("dead", "", token), 410
    if switch_to is not None:
        services.switch_mails(session(), member_id=member_id, group=group, on=switch_to, now=now())
    person = session().get(Member, member_id)
    if person is not None:
        languages.speak(person.language)
    return _page(state, group, token), status


def _page(state: str, group: str, token: str) -> str:
    return render_template("accounts/show_mails_off.html", viewer=None, state=state, words=GROUP_WORDS.get(group, ""), token=token)
