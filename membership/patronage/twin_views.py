"""The page behind a mailed question: is the newer membership under this address yours too? It names nobody and no amount."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from membership.accounts.queries import get_member
from membership.patronage import services, twins
from membership.patronage.links import read_link
from membership.patronage.models import TwinNotice
from membership.web import languages
from membership.web.audience import everyone
from membership.web.database import kernel, now, session, settings

bp = Blueprint("patronage_twins", __name__)


@bp.get("/links/twin/<token>")
@everyone
def show_twin(token: str) -> ResponseReturnValue:
    """Show what can be decided, or what was; nothing happens: mail scanners open links too."""
    notice = _notice(token)
    return _page("dead", 410) if notice is None else _page(notice.decision or "open")


@bp.post("/links/twin/<token>")
@everyone
def decide_twin(token: str) -> ResponseReturnValue:
    """Join the two memberships, or take the address from the newer one; the first decision stands."""
    notice = _notice(token)
    if notice is None:
        return _page("dead", 410)
    decision = request.form.get("decision", "")
    if decision not in services.TWIN_DECISIONS:
        return _page(notice.decision or "open", 422)
    services.decide_twin(session(), key=notice.key, decision=decision, now=now())
    kernel().queue.wake("duplicates")
    return redirect(url_for(".show_twin", token=token), code=303)


def _notice(token: str) -> TwinNotice | None:
    """Return what a link names; None for one that has run out, is none of ours or lies in a former mailbox of its reader."""
    try:
        notice = twins.find_notice(session(), read_link(settings().secret_key, "twin", token, now=now()))
        if notice is None:
            return None
        asked = get_member(session(), notice.earlier_member_id)
        read_link(settings().secret_key, "twin", token, since=asked.address_changed_at, now=now())
    except ValueError:
        return None
    languages.speak(asked.language)
    return notice


def _page(state: str, status: int = 200) -> ResponseReturnValue:
    viewer = current_user if current_user.is_authenticated else None
    return render_template("patronage/show_twin.html", viewer=viewer, state=state, problem=status == 422), status
