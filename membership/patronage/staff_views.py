"""The treasurer's pages about people: what they pay, what can be done about it."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from membership.money import to_major
from membership.patronage import people, person, refundable, services
from membership.patronage.gateway import Gateway
from membership.patronage.models import Payment
from membership.patronage.staff_forms import AT_ONCE, GrantForm, NoteForm, RefundForm, StopForMemberForm
from membership.staff.spreadsheet import csv_text
from membership.web.audience import asks_again, staff
from membership.web.database import kernel, now, session, settings

bp = Blueprint("patronage_staff", __name__, url_prefix="/staff")

LONGEST_SEARCH = 300
MOST_PAGES = 10_000
COLUMNS = ("number", "name", "email", "confirmed", "state", "until", "sources", "given", "since")


@bp.get("/people")
@staff("treasurer")
def list_people() -> ResponseReturnValue:
    """Show the people who are looked for."""
    wanted, page = _asked()
    return _page("list_people", wanted=wanted, page=page, choices=people, here=_address)


@bp.get("/people.csv")
@staff("treasurer")
def people_csv() -> ResponseReturnValue:
    """Give exactly the people that the page with the same address shows, as a file."""
    _wanted, page = _asked()
    services.record_export(session(), people=len(page.lines), actor_id=current_user.member.id, now=now())
    text = csv_text(COLUMNS, [_row(line) for line in page.lines])
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="people.csv"'})


@bp.get("/people/<int:member_id>")
@staff("treasurer")
def show_person(member_id: int) -> ResponseReturnValue:
    """Show everything about one person's support, and nothing about their ballots."""
    return _person_page(member_id, NoteForm())


@bp.post("/people/<int:member_id>/notes")
@staff("treasurer")
def write_note(member_id: int) -> ResponseReturnValue:
    """Keep a note about somebody's payments."""
    form = NoteForm()
    if not form.validate():
        return _person_page(member_id, form), 422
    services.write_note(session(), member_id=member_id, text=form.text.data, author_id=current_user.member.id, now=now())
    flash(_("The note is kept."))
    return _back_to(member_id)


@bp.post("/people/<int:member_id>/sync")
@staff("treasurer")
def ask_stripe_again(member_id: int) -> ResponseReturnValue:
    """Bring everything that somebody pays by card up to date."""
    services.ask_stripe_again(session(), _gateway(), member_id=member_id, actor_id=current_user.member.id, now=now())
    kernel().queue.wake("duplicates")
    flash(_("Everything here is as Stripe says at this moment."))
    return _back_to(member_id)


@bp.post("/people/<int:member_id>/receipt")
@staff("treasurer")
def resend_receipt(member_id: int) -> ResponseReturnValue:
    """Send somebody's newest receipt once more."""
    services.resend_receipt(session(), member_id=member_id, actor_id=current_user.member.id, now=now())
    kernel().queue.wake("mails")
    flash(_("The newest receipt is on its way."))
    return _back_to(member_id)


@bp.route("/people/<int:member_id>/refund/<int:payment_id>", methods=["GET", "POST"])
@staff("treasurer")
@asks_again
def refund(member_id: int, payment_id: int) -> ResponseReturnValue:
    """Give a payment back: how much and why, then what that does, then the button."""
    charge = person.get_charge_of(session(), member_id, payment_id)
    form = RefundForm(charge, refundable.left_of(session(), charge))
    if refundable.is_ordered(session(), form.act_id):  # the button was pressed twice
        return _back_to(member_id)
    ok = form.validate_on_submit()
    if not ok or "confirmed" not in request.form:
        return _refund_page(member_id, form, is_preview=ok), 422 if form.errors else 200
    _give_back(charge, form)
    return _back_to(member_id)


@bp.route("/people/<int:member_id>/stop/<stripe_id>", methods=["GET", "POST"])
@staff("treasurer")
@asks_again
def stop_support(member_id: int, stripe_id: str) -> ResponseReturnValue:
    """End somebody's support for them, with a reason."""
    form = StopForMemberForm()
    if not form.validate_on_submit():
        shown = person.person_of(session(), member_id, at=now())
        running = next((s for s in shown.subscriptions if s.stripe_id == stripe_id), None)
        return _page("stop_support", person=shown, running=running, form=form), 422 if form.errors else 200
    act = {"at_once": form.when.data == AT_ONCE, "reason": form.reason.data, "actor_id": current_user.member.id}
    services.stop_for_member(session(), _gateway(), member_id=member_id, stripe_id=stripe_id, now=now(), **act)
    flash(_("Stopped. Nothing more is taken."))
    return _back_to(member_id)


@bp.route("/people/<int:member_id>/grant", methods=["GET", "POST"])
@staff("treasurer")
@asks_again
def grant_time(member_id: int) -> ResponseReturnValue:
    """Give somebody a free seat for some months."""
    shown = person.person_of(session(), member_id, at=now())
    form = GrantForm()
    if not form.validate_on_submit():
        return _page("grant_time", person=shown, form=form.with_key()), 422 if form.errors else 200
    services.grant_comp(
        session(),
        member_id=member_id,
        months=form.months.data,
        reference=f"staff-{form.act_id}",
        note=form.note.data,
        actor_id=current_user.member.id,
        now=now(),
    )
    flash(_("Given."))
    return _back_to(member_id)


@bp.get("/disputes")
@staff("treasurer")
def list_disputes() -> ResponseReturnValue:
    """Show which payments their payers' banks ask for, and what could not go back."""
    troubles = refundable.refund_troubles(session())
    mode = "" if settings().livemode else "test/"
    return _page("list_disputes", disputes=person.open_disputes(session()), troubles=troubles, mode=mode, at=now())


def _give_back(charge: Payment, form: RefundForm) -> None:
    """Order a refund and let Stripe carry it out at once; if that fails for now, the job does it."""
    services.order_refund(
        session(),
        charge_reference=charge.reference,
        amount_minor=form.amount_minor,
        note=form.note.data,
        ordered_by=current_user.member.id,
        order_id=form.act_id,
        now=now(),
    )
    if services.carry_out_refunds(session(), _gateway(), now=now()):
        flash(_("It goes back now."))
    else:
        flash(_("It is ordered. Below you see what becomes of it."), "warning")


def _asked() -> tuple[people.Wanted, people.Page]:
    asked = {name: request.args.get(name, "").strip() for name in ("q", "state", "source", "sort")}
    wanted = people.Wanted(
        q=asked["q"][:LONGEST_SEARCH],
        state=asked["state"] if asked["state"] in people.STATES else "",
        source=asked["source"] if asked["source"] in people.SOURCES else "",
        sort=asked["sort"] if asked["sort"] in people.SORTS else people.SORTS[0],
    )
    number = request.args.get("page", default=1, type=int)
    return wanted, people.find_people(session(), wanted, at=now(), number=min(max(1, number), MOST_PAGES))


def _address(endpoint: str, wanted: people.Wanted, **more: Any) -> str:
    """Return an address that keeps the filter."""
    kept = {name: value for name, value in asdict(wanted).items() if value and (name, value) != ("sort", people.SORTS[0])}
    return url_for(endpoint, **kept, **{name: value for name, value in more.items() if value not in (None, 1)})


def _row(line: people.Line) -> tuple[object, ...]:
    given = " + ".join(f"{to_major(minor, currency)} {currency.upper()}" for currency, minor in line.given)
    return (
        line.member.id,
        line.member.display_name,
        line.member.address or "",
        "yes" if line.member.email else "no",
        line.standing.code,
        line.standing.until.isoformat() if line.standing.until else "",
        " ".join(line.sources),
        given,
        line.member.created_at.isoformat(),
    )


def _person_page(member_id: int, form: NoteForm) -> str:
    return _page("show_person", person=person.person_of(session(), member_id, at=now()), form=form, at=now())


def _refund_page(member_id: int, form: RefundForm, *, is_preview: bool) -> str:
    shown = person.person_of(session(), member_id, at=now())
    return _page("refund", person=shown, form=form.with_key(), is_preview=is_preview)


def _back_to(member_id: int) -> ResponseReturnValue:
    return redirect(url_for(".show_person", member_id=member_id), code=303)


def _gateway() -> Gateway:
    gateway: Gateway = current_app.extensions["gateway"]
    return gateway


def _page(name: str, **context: object) -> str:
    form: Any = context.get("form")
    problem = form is not None and bool(form.errors)
    return render_template(f"patronage/staff/{name}.html", viewer=current_user, problem=problem, **context)
