"""What Stripe tells us: kept first, then worked on at once if there is room, else by the sweep (DESIGN §4.2)."""

from threading import BoundedSemaphore

import structlog
from flask import Blueprint, Response, current_app, request

from membership.patronage import services
from membership.patronage.models import StripeEvent
from membership.patronage.signature import BadSignature
from membership.web.audience import signed
from membership.web.bodies import AT_WORK
from membership.web.database import kernel, now, session, settings

bp = Blueprint("webhooks", __name__)
log = structlog.get_logger()

# Half of the requests at work: a slow Stripe must never keep the site's own readers waiting.
MOST_INLINE = AT_WORK // 2
_room = BoundedSemaphore(MOST_INLINE)


@bp.post("/stripe/webhook")
@signed(by="stripe")
def receive_event() -> Response:
    """Take one event: 400 for what Stripe did not sign just now, 200 as soon as it is kept."""
    gateway = current_app.extensions["gateway"]
    try:
        parsed = gateway.parse_event(request.get_data(cache=False), request.headers.get("Stripe-Signature", ""), now())
    except BadSignature as refused:
        log.warning("stripe.bad_signature", why=str(refused))
        return Response(status=400)
    event = services.keep_event(session(), parsed, livemode=settings().livemode, now=now())
    if event is not None:
        _work_on(event)
    return Response(status=200)


def _work_on(event: StripeEvent) -> None:
    outcome = "no room"
    if _room.acquire(blocking=False):
        try:
            outcome = services.work_on_event(session(), current_app.extensions["quick_gateway"], event, now=now())
        finally:
            _room.release()
    if outcome == services.SECOND:  # the same member pays twice
        kernel().queue.wake("duplicates")
    kernel().queue.wake("mails" if outcome in (services.WRITTEN, services.SECOND) else "events")
