"""Run the stand-in over real HTTP: in a thread for tests, in the foreground for the demo."""

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import requests
import stripe
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from membership.stripe_standin.api import SECRET_KEY
from membership.stripe_standin.app import create_standin, engine_of
from membership.stripe_standin.bank_debits import BANK_PAYS
from membership.stripe_standin.cards import DECLINES, PAYS
from membership.stripe_standin.clock import Clock, system_clock
from membership.stripe_standin.endpoints import FIXED, register_fixed
from membership.stripe_standin.errors import Json
from membership.stripe_standin.events import API_VERSION
from membership.stripe_standin.loopback import Reply, request
from membership.stripe_standin.webhooks import signature

STATE_FILE = "stripe.db"


def end_serving(server: TCPServer) -> None:
    """End serve_forever() in another thread, without waiting until it looks the next time."""
    with suppress(OSError):  # the system may not let it wake: then it does look
        server.socket.shutdown(socket.SHUT_RDWR)
    server.shutdown()


class QuietHandler(WSGIRequestHandler):
    """Serve without a log line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class StandInServer:
    """A stand-in on a free loopback port for the length of a `with` block.

        with StandInServer(tmp_path, webhook_url="http://127.0.0.1:8000/stripe/webhook") as s:
            client = s.client()                     # stripe.StripeClient on s.url with s.secret_key
            session = client.v1.checkout.sessions.create({...})
            back = s.pay(session.id, email="a@example.org")   # through the hosted page; returns the success URL
            s.deliver()                             # every webhook that is due, now, before it returns
            s.control("renew", id="sub_...")        # what the buttons of the control page do; returns JSON
            s.pay_by_bank(session.id); s.settle(session.id, succeeded=False)    # a debit: unpaid now, an answer later
            s.submit(session.id, card=AUTHENTICATION); s.confirm(session.id)    # the bank asks (cards.py has the cards)
            s.confirm(invoice.id, accept=False); s.pay_invoice(invoice.id)      # on an invoice's hosted page
            back = s.change_card(portal_session.url)          # through the portal's card flow; returns its return URL

    directory holds the state (stripe.db): a second server on the same directory goes on where the first one stopped.
    clock is the billing time and may be a fixed clock; `advance()` moves the stand-in alone, signatures keep `clock`.
    Nothing is sent on its own unless background=True (the demo and browser tests): then a thread delivers and retries.
    """

    secret_key = SECRET_KEY
    api_version = API_VERSION

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock = system_clock,
        product_url: str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = "whsec_standin",  # noqa: S107  (a demo's own)
        background: bool = False,
        port: int = 0,
    ) -> None:
        self.webhook_secret = webhook_secret
        self._webhook_url = webhook_url
        self._background = background
        self._sessions: list[requests.Session] = []
        app = create_standin(directory / STATE_FILE, clock=clock, product_url=product_url)
        self._engine = engine_of(app)
        self._server: BaseWSGIServer = make_server("127.0.0.1", port, app, threaded=True, request_handler=QuietHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = self._engine.public_url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        if self._webhook_url:
            self.set_webhook(self._webhook_url)
        self._thread.start()
        if self._background:
            self._engine.courier.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        end_serving(self._server)
        self._thread.join()
        self._server.server_close()
        self._engine.close()
        for session in self._sessions:
            session.close()

    def client(self, **options: Any) -> stripe.StripeClient:
        """Return an official client that speaks to this stand-in; network retries are off unless asked for."""
        session = requests.Session()
        session.trust_env = False  # a proxy of the environment must not stand between
        self._sessions.append(session)
        http_client = stripe.RequestsClient(session=session)
        settings = {"http_client": http_client, "max_network_retries": 0, "stripe_version": API_VERSION, **options}
        return stripe.StripeClient(SECRET_KEY, base_addresses={"api": self.url}, **settings)

    def set_webhook(self, url: str, secret: str | None = None) -> None:
        """Send every later event to this address, signed with webhook_secret."""
        self.webhook_secret = secret or self.webhook_secret
        with self._engine.ledger(write=True) as ledger:
            register_fixed(ledger, url, self.webhook_secret)

    def deliver(self) -> list[Json]:
        """Attempt every delivery that is due and return the attempts: event, endpoint, status, state, detail."""
        attempts: list[Json] = self.control("deliver")["attempts"]
        return attempts

    def advance(self, *, days: int) -> None:
        """Let time pass: renewals, planned ends and expiries on the way happen, retries fall due."""
        self.control("advance", days=str(days))

    def control(self, action: str, **values: str) -> Json:
        """Do what a button of the control page does (every `@action` has its name) and return what it changed."""
        reply = request(
            "POST",
            f"{self.url}/_control/{action}",
            urlencode(values).encode(),
            {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
        )
        body: Json = json.loads(reply.body)
        if reply.status != 200:
            raise ValueError(f"{action}: {reply.status} {body}")
        return body

    def chaos(self, **settings: Any) -> Json:
        """Let things go wrong from now on (chaos.py lists the faults); return what is set, and the record of what chaos did."""
        return self.control("chaos", settings=json.dumps(settings))

    def calm(self) -> Json:
        """Switch every fault off, and let go of calls that wait."""
        return self.control("calm")

    def holds(self, calls: int, *, timeout: float = 30) -> bool:
        """Wait until chaos (hang, latency) keeps so many calls of the API waiting; False if it does not in so many seconds."""
        return self._engine.waiting_room.holds(calls, timeout)

    def overview(self) -> Json:
        """Return what the control page shows: subscriptions, charges, endpoints, events with their deliveries."""
        body: Json = json.loads(request("GET", f"{self.url}/_control", headers={"Accept": "application/json"}).body)
        return body

    def ids(self, kind: str) -> list[str]:
        """Return the ids of all objects of one kind, oldest first, asked of the state itself: no fault strikes."""
        with self._engine.ledger(write=False) as ledger:
            return [row["id"] for row in reversed(ledger.select(kind))]

    def signed(self, event_id: str) -> tuple[bytes, str]:
        """Return payload and Stripe-Signature of an event as set_webhook's endpoint gets it, for a test client."""
        _, payload, header = self._engine.courier.signed(event_id, FIXED)
        return payload, header

    def sign(self, payload: bytes, *, at: int | str | None = None, secret: str | None = None) -> str:
        """Return the Stripe-Signature of any bytes: signed now with webhook_secret unless told otherwise."""
        return signature(payload, secret or self.webhook_secret, self._engine.signing_time() if at is None else at)

    def submit(self, session: str, *, email: str = "reader@example.org", name: str = "", card: str = PAYS) -> Reply:
        """Press the button of the hosted page, given by session id or URL; return the answer as it is."""
        key = urlsplit(session).path.rpartition("/")[2]
        form = urlencode({"email": email, "name": name, "card": card}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return request("POST", f"{self.url}/c/pay/{key}", form, headers)

    def pay(self, session: str, *, email: str = "reader@example.org", name: str = "") -> str:
        """Pay on the hosted page with the good card and return the success URL that the browser is sent to."""
        reply = self.submit(session, email=email, name=name)
        if reply.status != 303:
            raise ValueError(f"{session} was not paid: {reply.status}")
        return reply.headers["location"]

    def decline(self, session: str, *, email: str = "reader@example.org") -> Reply:
        """Try to pay on the hosted page with the card that is declined."""
        return self.submit(session, email=email, card=DECLINES)

    def pay_by_bank(self, session: str, *, email: str = "reader@example.org", name: str = "", account: str = BANK_PAYS) -> str:
        """Pay on the hosted page by a bank debit and return the success URL; the money comes, or not, in five days."""
        reply = self.submit(session, email=email, name=name, card=account)
        if reply.status != 303:
            raise ValueError(f"{session} was not paid: {reply.status}")
        return reply.headers["location"]

    def settle(self, session: str, *, succeeded: bool = True) -> Json:
        """Let the bank answer now for a debit, named by its session, subscription, invoice or payment intent."""
        key = urlsplit(session).path.rpartition("/")[2]
        return self.control("settle", id=key, outcome="succeeded" if succeeded else "failed")

    def confirm(self, session_or_invoice: str, *, accept: bool = True) -> Reply:
        """Answer the bank's question on the page of a session or of an invoice, given by id or URL."""
        key = urlsplit(session_or_invoice).path.rpartition("/")[2]
        page = f"{self.url}/i/{key}/confirm" if key.startswith("in_") else f"{self.url}/c/confirm/{key}"
        return self._press(page, accept="yes" if accept else "no")

    def pay_invoice(self, invoice: str, *, card: str = PAYS) -> Reply:
        """Pay on an invoice's hosted page, given by id or URL, with another card; return the answer as it is."""
        return self._press(f"{self.url}/i/{urlsplit(invoice).path.rpartition('/')[2]}/pay", card=card)

    @staticmethod
    def _press(url: str, **form: str) -> Reply:
        return request("POST", url, urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    def save_card(self, portal_url: str, card: str = PAYS) -> Reply:
        """Press the button of the portal's card page; return the answer as it is."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return request("POST", f"{portal_url}/card", urlencode({"card": card}).encode(), headers)

    def change_card(self, portal_url: str, card: str = PAYS) -> str:
        """Save another card in the portal and return the URL that the flow sends the browser to."""
        reply = self.save_card(portal_url, card)
        if reply.status != 303:
            raise ValueError(f"{portal_url}: the card was not saved: {reply.status}")
        return reply.headers["location"]
