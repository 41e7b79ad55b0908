"""The demo's settings: secrets made once and kept under var/, everything on loopback."""

import secrets
from collections.abc import Mapping
from pathlib import Path

PASSED_ON = ("DATABASE_URL", "JOBS_URL", "TIME_ZONE", "CURRENCY")


def demo_environment(var: Path, *, port: int, standin_port: int, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the demo; DATABASE_URL and a few others may be given from outside."""
    var.mkdir(parents=True, exist_ok=True)
    settings = {
        "MEMBERSHIP_ENV": "demo",
        "DATABASE_URL": f"sqlite:///{var / 'membership.db'}",
        "SECRET_KEY": _kept_secret(var / "secret-key"),
        "SITE_URL": f"http://localhost:{port}",
        "SITE_NAME": "The Harbour Ledger",
        "CONTACT_EMAIL": "desk@harbour-ledger.example",
        "LEGAL_NAME": "Harbour Ledger NGO",
        "LEGAL_ADDRESS": "4 Lighthouse Lane, 65000 Odesa, Ukraine",
        # The account is the example of the IBAN registry: nobody's.
        "BANK_DETAILS": "Account holder: Harbour Ledger NGO; IBAN: UA21 3223 1300 0002 6007 2335 6600 1; BIC: EXAMUAUK",
        "PAYPAL_ADDRESS": "support@harbour-ledger.example",
        "TIME_ZONE": "Europe/Kyiv",
        "STATE_DIR": str(var),
        "STRIPE_SECRET_KEY": "sk_test_standin",
        "STRIPE_WEBHOOK_SECRET": "whsec_" + _kept_secret(var / "webhook-secret"),
        "STRIPE_API_BASE": f"http://127.0.0.1:{standin_port}",
        "STATEMENT_DESCRIPTOR": "HARBOUR LEDGER",
        "MAIL_URL": f"maildir://{var / 'mailbox'}",
        "MAIL_FROM": "desk@harbour-ledger.example",
        "GRANIAN_BLOCKING_THREADS": "32",
    }
    return settings | {name: environ[name] for name in PASSED_ON if environ.get(name)}


def _kept_secret(path: Path) -> str:
    """Return the secret in this file; it is made at the first use, readable by its owner alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()
