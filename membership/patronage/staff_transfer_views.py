"""The treasurer's pages about bank transfers, PayPal and cash."""

from datetime import date, datetime
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.errors import Conflict
from membership.patronage import queries, services, transfers
from membership.patronage.bank_statement import read_statement
from membership.patronage.calendar import within
from membership.patronage.sheets import MOST_BYTES
from membership.patronage.staff_transfer_forms import ContributionForm, DismissForm, SheetForm, TransferForm
from membership.web.audience import staff
from membership.web.database import kernel, now, session, settings
from membership.web.filters import day
from membership.web.languages import current_language
from membership.web.security import takes_file

bp = Blueprint("patronage_staff_transfers", __name__, url_prefix="/staff")

LONGEST_SEARCH = 200


@bp.get("/transfers")
@staff("treasurer")
def list_transfers() -> ResponseReturnValue:
    """Show which transfers wait for a person, what was decided, and take a statement."""
    return _list(_statement_form())


@bp.post("/transfers")
@staff("treasurer")
@takes_file(MOST_BYTES)
def upload_statement() -> ResponseReturnValue:
    """Take over a statement."""
    form = _statement_form()
    if not form.validate_on_submit():
        return _list(form), 422
    made = services.import_statement(session(), statement=form.sheet, actor_id=current_user.member.id, now=now())
    kernel().queue.wake("mails")
    return redirect(url_for(".list_transfers", statement=made.id), code=303)


@bp.get("/transfers/<int:transfer_id>")
@staff("treasurer")
def show_transfer(transfer_id: int) -> ResponseReturnValue:
    """Show one transfer, and whose it may be."""
    return _show(transfer_id)


@bp.post("/transfers/<int:transfer_id>/match")
@staff("treasurer")
def match_transfer(transfer_id: int) -> ResponseReturnValue:
    """Say whose a transfer is that waits."""
    return _give(transfer_id, services.match_transfer)


@bp.post("/transfers/<int:transfer_id>/move")
@staff("treasurer")
def move_transfer(transfer_id: int) -> ResponseReturnValue:
    """Give a transfer that was decided wrongly to somebody else."""
    return _give(transfer_id, services.move_transfer)


@bp.post("/transfers/<int:transfer_id>/dismiss")
@staff("treasurer")
def dismiss_transfer(transfer_id: int) -> ResponseReturnValue:
    """Put a transfer away that is no support."""
    form = DismissForm()
    if not form.validate_on_submit():
        return _show(transfer_id, dismiss=form), 422
    note, actor_id = form.note.data, current_user.member.id
    try:
        services.dismiss_transfer(session(), transfer_id=transfer_id, note=note, actor_id=actor_id, now=now())
    except Conflict as refused:
        flash(_(refused.message), "warning")
    else:
        flash(_("Put away. It is no support."))
    return redirect(url_for(".list_transfers"), code=303)


@bp.route("/contributions/new", methods=["GET", "POST"])
@staff("treasurer")
def new_contribution() -> ResponseReturnValue:
    """Record what came by PayPal, in cash or by bank."""
    plan, wanted = queries.default_plan(session()), _wanted()
    form = ContributionForm(transfers.candidates(session(), "", wanted, at=now()), plan, _today())
    if not form.validate_on_submit():
        return _page(
            "new_contribution", form=form, problem=bool(form.errors), wanted=wanted, plan=plan
        ), 422 if form.errors else 200
    try:
        until = services.record_contribution(
            session(),
            **form.receiver,
            language=current_language(),
            amount_minor=form.amount_minor,
            currency=plan.currency,
            source=form.source.data,
            reference=form.reference.data,
            received_at=within(form.came_on.data, now()),
            actor_id=current_user.member.id,
            now=now(),
        )
    except Conflict as refused:
        form.reference.errors = [_(refused.message)]
        return _page("new_contribution", form=form, problem=True, wanted=wanted, plan=plan), 422
    _tell(until)
    return redirect(url_for(".new_contribution"), code=303)


def _give(transfer_id: int, give: Any) -> ResponseReturnValue:
    shown = transfers.get_transfer(session(), transfer_id)
    form = _transfer_form(shown)
    if not form.validate_on_submit():
        return _show(transfer_id, form=form), 422
    try:
        until = give(
            session(),
            transfer_id=transfer_id,
            **form.receiver,
            language=current_language(),
            worth_minor=form.worth_minor,
            actor_id=current_user.member.id,
            now=now(),
        )
    except Conflict as refused:
        flash(_(refused.message), "warning")
    else:
        _tell(until)
    return redirect(url_for(".list_transfers"), code=303)


def _tell(until: datetime | None) -> None:
    """Say what became of money, and let the receipt go out."""
    kernel().queue.wake("mails")
    if until is None:
        flash(_("Booked. It pays for no whole month, so no date changes by it. The receipt is on its way."))
    else:
        flash(_("Booked: a patron until %(day)s. The receipt is on its way.", day=day(until, settings().time_zone)))


def _statement_form() -> SheetForm[Any]:
    return SheetForm(partial(read_statement, currency=queries.default_plan(session()).currency, today=_today()))


def _transfer_form(shown: transfers.Decided) -> TransferForm:
    found = transfers.candidates(session(), shown.transfer.text, _wanted(), at=now())
    return TransferForm(found, shown.transfer, queries.default_plan(session()))


def _wanted() -> str:
    """Return what somebody typed to find a person."""
    return request.args.get("q", "").strip()[:LONGEST_SEARCH]


def _today() -> date:
    return now().astimezone(settings().time_zone).date()


def _list(form: SheetForm[Any]) -> str:
    return _page(
        "list_transfers",
        form=form,
        problem=bool(form.errors),
        waiting=transfers.waiting_transfers(session()),
        many=transfers.count_waiting_transfers(session()),
        decided=transfers.decided_transfers(session(), at=now()),
        imports=transfers.recent_imports(session()),
        outcome=transfers.find_import(session(), request.args.get("statement", type=int)),
        currency=queries.default_plan(session()).currency,
    )


def _show(transfer_id: int, *, form: TransferForm | None = None, dismiss: DismissForm | None = None) -> str:
    shown = transfers.get_transfer(session(), transfer_id)
    form, dismiss = form or _transfer_form(shown), dismiss or DismissForm()
    problem = bool(form.errors or dismiss.errors)
    return _page("show_transfer", shown=shown, wanted=_wanted(), form=form, dismiss=dismiss, problem=problem)


def _page(name: str, **context: Any) -> str:
    return render_template(f"patronage/staff/{name}.html", viewer=current_user, **context)
