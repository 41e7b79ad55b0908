"""Serve the stand-in in the foreground: `python -m membership.stripe_standin --port 8001 --state PATH.db`."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from werkzeug.serving import make_server

from membership.stripe_standin.app import create_standin, engine_of
from membership.stripe_standin.endpoints import register_fixed
from membership.stripe_standin.server import QuietHandler


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m membership.stripe_standin", description="A local stand-in for Stripe.")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that keeps the state")
    parser.add_argument("--product-url", help="where the banner's link leads back to")
    parser.add_argument("--webhook", help="address that every event is sent to")
    parser.add_argument("--webhook-secret", help="secret (whsec_…) that signs what --webhook gets")
    options = parser.parse_args(arguments)
    if bool(options.webhook) != bool(options.webhook_secret):
        parser.error("--webhook and --webhook-secret belong together")
    return options


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = _options(arguments)
    url = f"http://127.0.0.1:{options.port}"
    app = create_standin(options.state, public_url=url, product_url=options.product_url)
    engine = engine_of(app)
    if options.webhook:
        with engine.ledger(write=True) as ledger:
            register_fixed(ledger, options.webhook, options.webhook_secret)
    server = make_server("127.0.0.1", options.port, app, threaded=True, request_handler=QuietHandler)

    def stop(number: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this signal interrupted, so it needs a thread of its own.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    engine.courier.start()
    print(f"Stripe stand-in ready on {url} (control page: {url}/_control)", flush=True)
    server.serve_forever()
    server.server_close()
    engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
