"""Changing an address: the member's own page, and the pages behind the mails to the old and the new mailbox.

Whoever has a link may not be who we wrote to: the linked pages name nobody and no address.
"""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts import address_changes, address_rules, services
from membership.accounts.address_forms import AddressForm, AnswerForm
from membership.accounts.models import AddressChange
from membership.accounts.queries import get_member
from membership.errors import Conflict, TooOften
from membership.web import browser, languages
from membership.web.audience import asks_staff_again, everyone, member
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text, retry_after

bp = Blueprint("accounts_address", __name__)


@bp.route("/account/address", methods=["GET", "POST"])
@member
@asks_staff_again
def address() -> ResponseReturnValue:
    """Show somebody's address; ask both mailboxes for another one, or correct one that no mailbox has proved."""
    person = current_user.member
    form = AddressForm(email=None if person.email else person.typed_email)  # a slip of the pen is corrected, not typed anew
    if not form.validate_on_submit():
        return _own_page(form), 422 if form.is_submitted() else 200
    is_proved = person.email is not None
    change = services.ask_address_change if is_proved else services.correct_typed_address
    whose = {"member_id": person.id, "secret_key": settings().secret_key}
    try:
        change(session(), new_email=form.email.data, now=now(), **whose)
    except (Conflict, TooOften) as refused:
        form.email.errors = [refusal_text(refused)]
        return _own_page(form), 429 if isinstance(refused, TooOften) else 422, retry_after(refused)
    kernel().queue.wake("mails")
    if not is_proved:
        flash(_("Corrected. Our mails go to this address from now on."))
    return redirect(url_for(".address"), code=303)


@bp.post("/account/address/<int:change_id>/take-back")
@member
def take_back(change_id: int) -> ResponseReturnValue:
    """Leave the address as it is."""
    person = current_user.member
    services.take_back_address_change(session(), change_id=change_id, member_id=person.id, actor_id=person.id, now=now())
    flash(_("Taken back. Your address stays as it is."))
    return redirect(url_for(".address"), code=303)


@bp.get("/address/<token>")
@everyone
def show_change(token: str) -> ResponseReturnValue:
    """Show what a mailbox is asked, or what became of it; nothing happens: mail scanners open links too."""
    return _change_page(token)


@bp.post("/address/<token>")
@everyone
def answer_change(token: str) -> ResponseReturnValue:
    """Take a mailbox's answer; with the last one that is needed the address changes."""
    change = address_changes.find_by_token(session(), token)
    if change is None or address_rules.state_of(change, now()) != "open":
        return _change_page(token)
    _speak_to(change)
    form = _answer_form(change, token)
    if not form.validate():
        return _change_page(token, form)
    answered = services.answer_address_change(
        session(),
        token=token,
        agrees=form.agrees,
        session_id=current_user.session_id if current_user.is_authenticated else None,
        browser_hash=browser.find_browser_hash(),
        now=now(),
    )
    kernel().queue.wake("mails")
    kernel().queue.wake("addresses")
    if answered.token is not None:
        browser.sign_in_browser(answered.token)
    return redirect(url_for(".show_change", token=token), code=303)


@bp.get("/address/undo/<token>")
@everyone
def show_undo(token: str) -> ResponseReturnValue:
    """Show how the old mailbox gets its account back; nothing happens."""
    return _undo_page(token)


@bp.post("/address/undo/<token>")
@everyone
def undo_change(token: str) -> ResponseReturnValue:
    """Give the account back to the old mailbox."""
    change = address_changes.find_by_undo_token(session(), token)
    if change is None or not address_rules.may_undo(change, now()):
        return _undo_page(token)
    _speak_to(change)
    form = _undo_form()
    if not form.validate():
        return _undo_page(token, form)
    if form.agrees:
        services.undo_address_change(session(), token=token, now=now())
        kernel().queue.wake("mails")
        kernel().queue.wake("addresses")
    else:
        flash(_("Nothing was changed."))
    return redirect(url_for(".show_undo", token=token), code=303)


def _own_page(form: AddressForm) -> str:
    person = get_member(session(), current_user.member.id)
    waiting = address_changes.find_open(session(), person.id)
    is_open = address_rules.state_of(waiting, now()) == "open"
    return _page("address", form=form, person=person, change=waiting if is_open else None, viewer=current_user)


def _change_page(token: str, form: AnswerForm | None = None) -> ResponseReturnValue:
    change = address_changes.find_by_token(session(), token)
    state = address_rules.state_of(change, now())
    if change is None:
        return _page("show_change", form=None, state=state, viewer=None), 410
    _speak_to(change)
    mailbox = address_changes.mailbox_of(change, token)
    has_agreed = (change.old_confirmed_at if mailbox == "old" else change.new_confirmed_at) is not None
    shown = {"change": change, "mailbox": mailbox, "has_agreed": has_agreed, "by_staff": change.ordered_by is not None}
    page = _page("show_change", form=form or _answer_form(change, token), state=state, viewer=_viewer(), **shown)
    return page, 422 if form is not None else 410 if state == "expired" else 200


def _undo_page(token: str, form: AnswerForm | None = None) -> ResponseReturnValue:
    change = address_changes.find_by_undo_token(session(), token)
    state = address_rules.state_of(change, now())
    if change is not None:
        _speak_to(change)
    if state == "done" and not address_rules.may_undo(change, now()):
        state = "expired"
    page = _page("show_undo", form=form or _undo_form(), state=state, viewer=_viewer())
    return page, 422 if form is not None else 410 if state in ("unknown", "expired") else 200


def _speak_to(change: AddressChange) -> None:
    """Speak the language of whose address it is; before a form is made, which takes its words with it."""
    languages.speak(get_member(session(), change.member_id).language)


def _answer_form(change: AddressChange, token: str) -> AnswerForm:
    if address_changes.mailbox_of(change, token) == "new":
        return AnswerForm(
            label=_("Is this your new address?"), yes=_("Yes, use it for my account"), no=_("No, I know nothing about it")
        )
    if change.ordered_by is not None:
        return AnswerForm(
            label=_("Is this mailbox lost?"),
            yes=_("Yes, my account shall get the new address"),
            no=_("No, I still have it: stop this"),
        )
    return AnswerForm(label=_("Was it you?"), yes=_("Yes, it was me: change my address"), no=_("No, it was not me: stop this"))


def _undo_form() -> AnswerForm:
    return AnswerForm(
        label=_("What shall become of it?"),
        yes=_("Give me my account back, with the old address"),
        no=_("Leave it: I wanted the new address"),
    )


def _viewer() -> object:
    return current_user if current_user.is_authenticated else None


def _page(name: str, **context: object) -> str:
    form = context["form"]
    problem = isinstance(form, AddressForm | AnswerForm) and bool(form.errors)
    return render_template(f"accounts/{name}.html", problem=problem, **context)
