"""Pages that do the same for who is signed in and for who came by a signed link: amount, pause, card, withdrawal."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import flask
from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from membership.patronage import contracts, leaving, queries, services
from membership.patronage.account_forms import AmountForm, LowerForm, PauseForm, WantedChange, read_change, read_shown
from membership.patronage.checkout_pages import gateway, typed_amount
from membership.patronage.gateway import ChangePreview, Declined
from membership.patronage.models import CheckoutAttempt, Subscription
from membership.web.database import kernel, now, session, settings
from membership.web.languages import current_language

CARD = "card"  # in the signed cookie: for which support this browser went to give another card, and which one paid until then


@dataclass(frozen=True)
class Visit:
    """Who came how: the support it is about, the addresses of the pages they may open, and nobody's name if they came by a link."""

    running: Subscription | None
    urls: Mapping[str, str]
    viewer: object = None
    actor_id: int | None = None

    @property
    def by_link(self) -> bool:
        """Whether a link brought them here, and not a sign-in."""
        return self.viewer is None


def choose_amount(visit: Visit, running: Subscription) -> ResponseReturnValue:
    """Take another amount and lead on to what it would cost."""
    services.refuse_change(running)
    plan = contracts.get_plan_of(session(), running)
    typed = typed_amount(request.args.get("amount", type=int), running.currency)
    form = LowerForm(plan, running) if visit.by_link else AmountForm(plan, running, amount=typed)
    if not form.validate_on_submit():
        page = show("amount", visit, form=form, plan=plan, running=running)
        return page, 422 if form.is_submitted() else 200
    return redirect(f"{visit.urls['confirm']}?{urlencode(form.wanted.query())}", code=303)


def confirm_amount(visit: Visit, running: Subscription) -> ResponseReturnValue:
    """Show what a change takes by Stripe's own account, and do it as shown when it is confirmed."""
    wanted = read_change(request.values)
    if wanted is None or (visit.by_link and not _is_lower(wanted, running)):
        return redirect(visit.urls["amount"], code=303)
    try:
        if request.method == "GET":
            return _shown(visit, running, wanted, _preview(running, wanted))
        services.change_amount(
            session(),
            gateway(),
            subscription_id=running.stripe_id,
            interval=wanted.interval,
            amount_minor=wanted.amount_minor,
            at_once=wanted.at_once,
            shown=read_shown(request.form, running.currency),
            actor_id=visit.actor_id,
            now=now(),
        )
    except services.PreviewChanged as changed:
        return _shown(visit, running, wanted, changed.preview, problem=_(changed.message)), 409
    except Declined as declined:
        return _shown(visit, running, wanted, None, problem=_why_declined(declined)), 409
    kernel().queue.wake("mails")
    flash(_("Changed. Thank you."))
    return redirect(visit.urls["home"], code=303)


def choose_pause(visit: Visit, running: Subscription) -> ResponseReturnValue:
    """Pause until a day, with what that means for the vote."""
    zone, at = settings().time_zone, now()
    services.refuse_pause(running)
    assert running.current_period_end is not None
    form = PauseForm(
        leaving.pause_days(running, zone=zone, at=at),
        next_payment=running.current_period_end.astimezone(zone).date(),
        last_day=leaving.last_pause_day(zone=zone, at=at),
        zone=zone,
    )
    if not form.validate_on_submit() or form.day is None:
        return _pause_page(visit, running, form), 422 if form.is_submitted() else 200
    resumes_at = leaving.beginning_of(form.day, zone)
    services.pause_support(
        session(), gateway(), subscription_id=running.stripe_id, resumes_at=resumes_at, actor_id=visit.actor_id, now=at
    )
    kernel().queue.wake("mails")
    return redirect(visit.urls["pause"], code=303)


def show_card(visit: Visit, running: Subscription) -> ResponseReturnValue:
    """Show what pays, and lead to Stripe's page for another card."""
    if request.method == "GET":
        return show("card", visit, running=running)
    opened = services.open_card_page(
        session(),
        gateway(),
        subscription_id=running.stripe_id,
        return_url=settings().site_url + visit.urls["card_done"],
        language=current_language(),
        actor_id=visit.actor_id,
        now=now(),
    )
    flask.session[CARD] = [running.stripe_id, opened.card_before]
    return redirect(opened.url, code=303)


def finish_card(visit: Visit, running: Subscription) -> ResponseReturnValue:
    """Use the card that was given at Stripe; only in the browser that went there from a button of ours."""
    subscription_id, card_before = flask.session.get(CARD) or ("", "")
    if subscription_id != running.stripe_id:
        return redirect(visit.urls["card"], code=303)
    outcome = services.finish_card_change(
        session(), gateway(), subscription_id=running.stripe_id, card_before=card_before, actor_id=visit.actor_id, now=now()
    )
    flask.session.pop(CARD)
    kernel().queue.wake("mails")
    flash(*_words_for(outcome))
    return redirect(visit.urls["home" if outcome in ("changed", "paid") else "card"], code=303)


def withdraw(visit: Visit, attempt: CheckoutAttempt) -> ResponseReturnValue:
    """Ask once whether somebody withdraws from the contract, and do it."""
    if request.method == "POST":
        services.withdraw(session(), gateway(), attempt_id=attempt.id, actor_id=visit.actor_id, now=now())
        kernel().queue.wake("mails")
        return redirect(visit.urls["withdraw"], code=303)
    charges = contracts.charges_of_attempt(session(), attempt.id)
    return show(
        "withdraw",
        visit,
        attempt=attempt,
        total_minor=sum(charge.amount_minor for charge in charges),
        until=leaving.withdrawable_until(attempt),
        may_withdraw=leaving.may_withdraw(attempt, now()),
    )


def show(name: str, visit: Visit, **context: object) -> str:
    """Render a page of this visit."""
    form = context.get("form")
    problem = context.pop("problem", None) or bool(getattr(form, "errors", None))
    return render_template(f"patronage/{name}.html", viewer=visit.viewer, visit=visit, problem=problem, **context)


def _is_lower(wanted: WantedChange, running: Subscription) -> bool:
    """Return whether a change is one that a link may make: less, from the next payment on."""
    is_same_rhythm = wanted.interval == running.interval and not wanted.at_once
    return is_same_rhythm and wanted.amount_minor <= running.amount_minor


def _preview(running: Subscription, wanted: WantedChange) -> ChangePreview:
    return services.preview_change(
        session(),
        gateway(),
        subscription_id=running.stripe_id,
        interval=wanted.interval,
        amount_minor=wanted.amount_minor,
        at_once=wanted.at_once,
        now=now(),
    )


def _shown(visit: Visit, running: Subscription, wanted: WantedChange, preview: ChangePreview | None, problem: str = "") -> str:
    return show("confirm_amount", visit, running=running, wanted=wanted, preview=preview, problem=problem)


def _why_declined(declined: Declined) -> str:
    if declined.code in services.CONFIRMATION:
        return _("Your bank wants you to confirm payments like this, and nothing was changed. Choose “at the next payment”.")
    return _(declined.message)


def _words_for(outcome: str) -> tuple[str, str]:
    """Return what to say of a card change, and how loud."""
    return {
        "unchanged": (_("No new card was given, so nothing has changed."), "warning"),
        "changed": (_("Your new card is used from the next payment on. Thank you."), "success"),
        "paid": (_("Your new card works, and the payment that was overdue has gone through. Thank you."), "success"),
        "declined": (
            _("Your new card is saved, but it was declined too: the payment is still overdue. Please try another card."),
            "problem",
        ),
        "confirm": (_("Your new card is saved. Your bank wants you to confirm the payment that is overdue."), "warning"),
    }[outcome]


def _pause_page(visit: Visit, running: Subscription, form: PauseForm) -> str:
    standing = queries.standing_of(session(), running.member_id, at=now()) if running.member_id else None
    until = standing.until if standing is not None and standing.may_vote else None
    next_payment = leaving.first_payment_from(running, running.resumes_at) if running.is_paused and running.resumes_at else None
    return show("pause", visit, form=form, running=running, until=until, next_payment=next_payment)
