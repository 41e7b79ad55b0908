"""What we keep: for everybody in one table, for each member their own; and the way out."""

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.accounts import closures, services
from membership.accounts import personal as accounts_personal
from membership.accounts.personal_words import shown_tables
from membership.credits import personal as credits_personal
from membership.data_classes import AT_CLOSURE, CLASSES, TABLES, VIEWERS
from membership.patronage import contracts, delayed
from membership.patronage import personal as patronage_personal
from membership.patronage import queries as patronage
from membership.voting import personal as voting_personal
from membership.voting import queries as voting
from membership.web.audience import everyone, member
from membership.web.database import kernel, now, session, settings
from membership.web.languages import open_route, path_in

bp = Blueprint("accounts_privacy", __name__)

SUBJECTS = {
    "account": accounts_personal.personal_data,
    "support": patronage_personal.personal_data,
    "votes": voting_personal.personal_data,
    "credits": credits_personal.personal_data,
}


@open_route(bp, "/privacy/data")
@everyone
def what_we_keep() -> ResponseReturnValue:
    """Say of everything that we keep why, for how long, who can see it, and what becomes of it."""
    declared = [columns for table in TABLES.values() for columns in table]
    # What several tables hold alike is said once.
    kinds = [(kind, list({each.what: each for each in declared if each.of is kind}.values())) for kind in CLASSES]
    viewer = current_user if current_user.is_authenticated else None
    alternates = {code: path_in(code) for code in settings().languages}
    words: dict[str, Any] = {"viewers": VIEWERS, "at_closure": AT_CLOSURE}
    return render_template("accounts/what_we_keep.html", viewer=viewer, alternates=alternates, kinds=kinds, **words)


@bp.get("/account/data")
@member
def show_data() -> ResponseReturnValue:
    """Show a member everything that we know of them."""
    zone, person = settings().time_zone, current_user.member
    subjects = [(subject, shown_tables(read(session(), person.id), zone)) for subject, read in SUBJECTS.items()]
    open_ = voting.open_rounds(session(), at=now())
    return render_template("accounts/show_data.html", viewer=current_user, subjects=subjects, open_rounds=open_)


@bp.get("/account/data.json")
@member
def download_data() -> ResponseReturnValue:
    """Give a member everything that we know of them as a file."""
    found = {subject: read(session(), current_user.member.id) for subject, read in SUBJECTS.items()}
    response = jsonify({"site": settings().site_url, "made_at": now().isoformat(), **found})
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@bp.get("/account/delete")
@member
def delete_account() -> ResponseReturnValue:
    """Say what deleting the account means, or how far it has come."""
    person = current_user.member
    return render_template(
        "accounts/delete_account.html",
        viewer=current_user,
        closure=closures.find_closure(session(), person.id),
        with_bank=delayed.has_payment_with_bank(session(), person.id, mailbox=person.email),
        due_at=now() + services.COOLING_OFF,
        running=patronage.live_subscriptions_of(session(), person.id),
        until=patronage.standing_of(session(), person.id, at=now()).until,
        open_rounds=voting.open_rounds(session(), at=now()),
        withdrawable=contracts.withdrawable_of(session(), person.id, at=now()),
    )


@bp.post("/account/delete")
@member
def ask_to_delete() -> ResponseReturnValue:
    """Note the wish; a day later it is carried out."""
    services.ask_closure(session(), member_id=current_user.member.id, now=now())
    kernel().queue.wake("mails")
    return redirect(url_for(".delete_account"), code=303)


@bp.post("/account/keep")
@member
def keep_account() -> ResponseReturnValue:
    """Take the wish back."""
    services.take_back_closure(session(), member_id=current_user.member.id, now=now())
    flash(_("Your account stays. Nothing was deleted."))
    return redirect(url_for("patronage_account.show_account"), code=303)
