"""Who works here and what they may do: for everybody on the staff to see, for admins to change."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts import services, staff_queries
from membership.accounts.duties import EVERYBODY, duties_by_role
from membership.accounts.models import ROLES, Member
from membership.accounts.role_forms import ROLE_NAMES, InvitationForm, LeavingForm, RolesForm
from membership.errors import Conflict, Refusal
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session, settings
from membership.web.errors import refusal_text

bp = Blueprint("roles", __name__, url_prefix="/staff")


@bp.get("/roles")
@staff()
def list_roles() -> ResponseReturnValue:
    """Show what each role opens and who holds it."""
    audiences = {name: getattr(view, "audience", "") for name, view in current_app.view_functions.items()}
    return _page(
        "list_roles",
        duties=duties_by_role({name: said for name, said in audiences.items() if said.startswith("staff:")}),
        people=staff_queries.staff_members(session()),
        roles=ROLES,
        everybody=EVERYBODY,
    )


@bp.get("/roles/<int:member_id>")
@staff("admin")
def show_person(member_id: int) -> ResponseReturnValue:
    """Show what one person may do, to change it."""
    person = staff_queries.get_staff_member(session(), member_id)
    return _person_page(person, RolesForm(roles=[held.role for held in person.roles]), LeavingForm())


@bp.post("/roles/<int:member_id>")
@staff("admin")
@asks_again
def change_roles(member_id: int) -> ResponseReturnValue:
    """Give and take roles; the person is signed out everywhere."""
    person, form = staff_queries.get_staff_member(session(), member_id), RolesForm()
    if not form.validate():
        return _person_page(person, form, LeavingForm(formdata=None)), 422
    try:
        services.change_roles(
            session(), member_id=member_id, roles=form.roles.data, reason=form.reason.data, actor_id=_actor(), now=now()
        )
    except Conflict as refusal:
        form.form_errors.append(refusal_text(refusal))
        return _person_page(person, form, LeavingForm(formdata=None)), 422
    flash(_("Changed. The new roles hold from the next sign-in; every session of this person has ended."))
    return redirect(url_for(".list_roles"), code=303)


@bp.post("/roles/<int:member_id>/leaving")
@staff("admin")
@asks_again
def end_employment(member_id: int) -> ResponseReturnValue:
    """Take everything from somebody who no longer works here."""
    person, form = staff_queries.get_staff_member(session(), member_id), LeavingForm()
    unchanged = RolesForm(formdata=None, roles=[held.role for held in person.roles])
    if not form.validate():
        return _person_page(person, unchanged, form), 422
    try:
        services.end_employment(session(), member_id=member_id, reason=form.left_reason.data, actor_id=_actor(), now=now())
    except Conflict as refusal:
        form.form_errors.append(refusal_text(refusal))
        return _person_page(person, unchanged, form), 422
    flash(_("All roles, sessions, passkeys and recovery codes of this person are gone."))
    return redirect(url_for(".list_roles"), code=303)


@bp.get("/invitations")
@staff("admin")
def invitations() -> ResponseReturnValue:
    """Show the open invitations and a form for another one."""
    form = InvitationForm(settings().languages, language=current_user.member.language)
    return _invitations_page(form)


@bp.post("/invitations")
@staff("admin")
@asks_again
def invite() -> ResponseReturnValue:
    """Invite somebody by mail."""
    form = InvitationForm(settings().languages)
    if not form.validate():
        return _invitations_page(form), 422
    try:
        services.invite(session(), invited_by=_actor(), now=now(), **form.data)
    except Refusal as refusal:
        form.form_errors.append(refusal_text(refusal))
        return _invitations_page(form), 422
    return _sent(_("The invitation is on its way."))


@bp.post("/invitations/<int:invitation_id>/resend")
@staff("admin")
@asks_again
def resend_invitation(invitation_id: int) -> ResponseReturnValue:
    """Send an invitation once more, with a new link."""
    services.resend_invitation(session(), invitation_id=invitation_id, actor_id=_actor(), now=now())
    return _sent(_("The invitation is on its way again; the earlier link is dead."))


@bp.post("/invitations/<int:invitation_id>/removal")
@staff("admin")
@asks_again
def revoke_invitation(invitation_id: int) -> ResponseReturnValue:
    """Take an invitation back."""
    services.revoke_invitation(session(), invitation_id=invitation_id, actor_id=_actor(), now=now())
    flash(_("The invitation is taken back."))
    return redirect(url_for(".invitations"), code=303)


def _sent(words: str) -> ResponseReturnValue:
    kernel().queue.wake("mails")
    flash(words)
    return redirect(url_for(".invitations"), code=303)


def _invitations_page(form: InvitationForm) -> str:
    return _page("invitations", form, open_invitations=staff_queries.open_invitations(session()), at=now())


def _person_page(person: Member, form: RolesForm, leaving: LeavingForm) -> str:
    return _page("show_person", form if form.errors else leaving, person=person, form=form, leaving=leaving)


def _actor() -> int:
    return int(current_user.member.id)


def _page(template: str, refused: Any = None, **context: object) -> str:
    problem = refused is not None and bool(refused.errors)
    context = {"form": refused} | context
    return render_template(f"roles/{template}.html", viewer=current_user, problem=problem, names=ROLE_NAMES, **context)
