"""Settings: read once from the environment into a frozen object that names all faults at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from membership.money import is_supported

ENVIRONMENTS = ("demo", "staging", "production")
KNOWN_LANGUAGES = ("en", "uk")
DEFAULT_THREADS = 8
REQUIRED = (
    "MEMBERSHIP_ENV DATABASE_URL SECRET_KEY SITE_URL SITE_NAME CONTACT_EMAIL STATE_DIR "
    "STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET STATEMENT_DESCRIPTOR MAIL_URL MAIL_FROM"
).split()


class BadSettings(Exception):
    """The environment can't be used; the message lists every fault, a line each."""


@dataclass(frozen=True)
class Settings:
    """Everything that a newsroom sets; only wsgi.py and the commands read it from the environment."""

    environment: str
    database_url: str
    secret_key: str
    audit_secrets: tuple[str, ...]  # the first signs, the others verify
    site_url: str
    site_name: str
    contact_email: str
    legal_name: str
    legal_address: str
    bank_details: str
    paypal_address: str
    time_zone: ZoneInfo
    languages: tuple[str, ...]
    currency: str
    state_dir: Path
    round_keys_dir: Path
    certificate_key_file: Path
    stripe_secret_key: str
    stripe_webhook_secrets: tuple[str, ...]
    stripe_api_base: str | None
    statement_descriptor: str
    mail_url: str
    mail_from: str
    jobs_url: str
    trusted_proxy_hops: int
    blocking_threads: int  # of each worker; granian reads the same variable

    @property
    def is_demo(self) -> bool:
        """Whether this is the demo newsroom: no money moves, http is allowed, the mailbox page exists."""
        return self.environment == "demo"

    @property
    def is_secure(self) -> bool:
        """Whether the site is served over https."""
        return self.site_url.startswith("https://")

    @property
    def livemode(self) -> bool:
        """Whether Stripe's live mode is used."""
        return self.environment == "production"

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts (with port) under which the site may be asked for."""
        own = urlsplit(self.site_url)
        # As browsers send it: in lower case, without the scheme's own port.
        port = "" if own.port in (None, {"http": 80, "https": 443}[own.scheme]) else f":{own.port}"
        names = {own.hostname, "localhost", "127.0.0.1"} if self.is_demo else {own.hostname}
        return frozenset(f"{name}{port}" for name in names)

    @property
    def origins(self) -> frozenset[str]:
        """The same as a browser names them in its Origin header."""
        scheme = urlsplit(self.site_url).scheme
        return frozenset(f"{scheme}://{host}" for host in self.hosts)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check the settings; raises BadSettings with one line for each fault."""
    values = {name: environ.get(name, "").strip() for name in environ}
    faults = [f"{name} is missing" for name in REQUIRED if not values.get(name)]
    faults += _faults_of_values(values) if not faults else []
    if faults:
        raise BadSettings("The settings can't be used:\n" + "\n".join(f"- {fault}" for fault in faults))
    state_dir = Path(values["STATE_DIR"]).absolute()
    database_url = values["DATABASE_URL"]
    on_postgresql = database_url.startswith("postgres")
    return Settings(
        environment=values["MEMBERSHIP_ENV"],
        database_url=database_url,
        secret_key=values["SECRET_KEY"],
        audit_secrets=_audit_secrets(values),
        site_url=values["SITE_URL"].rstrip("/"),
        site_name=values["SITE_NAME"],
        contact_email=values["CONTACT_EMAIL"],
        legal_name=values.get("LEGAL_NAME") or values["SITE_NAME"],
        legal_address=values.get("LEGAL_ADDRESS", ""),
        bank_details=values.get("BANK_DETAILS", ""),
        paypal_address=values.get("PAYPAL_ADDRESS", ""),
        time_zone=ZoneInfo(values.get("TIME_ZONE") or "Europe/Kyiv"),
        languages=tuple((values.get("LANGUAGES") or "en,uk").replace(" ", "").split(",")),
        currency=(values.get("CURRENCY") or "eur").lower(),
        state_dir=state_dir,
        round_keys_dir=Path(values.get("ROUND_KEYS_DIR") or state_dir / "round-keys").absolute(),
        certificate_key_file=Path(values.get("CERTIFICATE_KEY_FILE") or state_dir / "certificate-key.pem").absolute(),
        stripe_secret_key=values["STRIPE_SECRET_KEY"],
        stripe_webhook_secrets=tuple(values["STRIPE_WEBHOOK_SECRET"].replace(" ", "").split(",")),
        stripe_api_base=values.get("STRIPE_API_BASE") or None,
        statement_descriptor=values["STATEMENT_DESCRIPTOR"],
        mail_url=values["MAIL_URL"],
        mail_from=values["MAIL_FROM"],
        jobs_url=values.get("JOBS_URL") or (database_url if on_postgresql else f"sqlite:///{state_dir / 'jobs.db'}"),
        trusted_proxy_hops=int(values.get("TRUSTED_PROXY_HOPS") or 0),
        blocking_threads=int(values.get("GRANIAN_BLOCKING_THREADS") or DEFAULT_THREADS),
    )


def _faults_of_values(values: Mapping[str, str]) -> list[str]:
    checks = (_site_faults, _stripe_faults, _mail_faults, _place_faults)
    return [fault for check in checks for fault in check(values, values["MEMBERSHIP_ENV"])]


def _audit_secrets(values: Mapping[str, str]) -> tuple[str, ...]:
    return tuple((values.get("AUDIT_KEY") or values["SECRET_KEY"]).replace(" ", "").split(","))


def _site_faults(values: Mapping[str, str], environment: str) -> list[str]:
    faults = []
    if environment not in ENVIRONMENTS:
        faults.append(f"MEMBERSHIP_ENV must be one of {', '.join(ENVIRONMENTS)}")
    if len(values["SECRET_KEY"]) < 32:
        faults.append("SECRET_KEY must have 32 characters or more")
    if values.get("AUDIT_KEY") and any(len(secret) < 32 for secret in _audit_secrets(values)):
        faults.append("AUDIT_KEY must have 32 characters or more, and so must each older one behind a comma")
    url = urlsplit(values["SITE_URL"])
    if not _is_bare_address(url):
        faults.append("SITE_URL must be a scheme and a host, such as https://news.example")
    elif url.scheme == "http" and environment != "demo":
        faults.append("SITE_URL must begin with https:// outside the demo")
    return faults


def _is_bare_address(url: SplitResult) -> bool:
    try:
        _ = url.port
    except ValueError:
        return False
    is_bare = url.path in ("", "/") and not (url.query or url.fragment or url.username)
    return url.scheme in ("http", "https") and bool(url.hostname) and is_bare


def _stripe_faults(values: Mapping[str, str], environment: str) -> list[str]:
    faults = []
    key = values["STRIPE_SECRET_KEY"]
    live = key.startswith(("sk_live_", "rk_live_"))
    if not live and not key.startswith(("sk_test_", "rk_test_")):
        faults.append("STRIPE_SECRET_KEY must begin with sk_test_, rk_test_, sk_live_ or rk_live_")
    if live and environment != "production":
        faults.append("STRIPE_SECRET_KEY is a live key: only production may use it")
    if not live and environment == "production":
        faults.append("STRIPE_SECRET_KEY must be a live key in production")
    if values.get("STRIPE_API_BASE") and live:
        faults.append("STRIPE_API_BASE may not be set together with a live key")
    if any(not secret for secret in values["STRIPE_WEBHOOK_SECRET"].replace(" ", "").split(",")):
        faults.append("STRIPE_WEBHOOK_SECRET holds an empty secret between its commas")
    if not re.fullmatch(r"(?=.*[A-Za-z])(?!.*[<>\\'\"*])[ -~]{5,22}", values["STATEMENT_DESCRIPTOR"]):
        faults.append("STATEMENT_DESCRIPTOR must have 5 to 22 Latin characters, a letter among them, and none of < > \\ ' \" *")
    return faults


def _mail_faults(values: Mapping[str, str], environment: str) -> list[str]:
    faults = []
    scheme = urlsplit(values["MAIL_URL"]).scheme
    if scheme not in ("smtp", "smtps", "maildir"):
        faults.append("MAIL_URL must begin with smtp:// or smtps://")
    elif scheme == "maildir" and environment != "demo":
        faults.append("MAIL_URL may be a maildir:// in the demo only")
    faults += [f"{name} must be an e-mail address" for name in ("MAIL_FROM", "CONTACT_EMAIL") if "@" not in values[name]]
    if (paypal := values.get("PAYPAL_ADDRESS")) and "@" not in paypal and not paypal.startswith("https://"):
        faults.append("PAYPAL_ADDRESS must be an e-mail address or begin with https://")
    return faults


def _place_faults(values: Mapping[str, str], _environment: str) -> list[str]:
    faults = []
    if not values["DATABASE_URL"].startswith(("sqlite:///", "postgres://", "postgresql://", "postgresql+psycopg://")):
        faults.append("DATABASE_URL must begin with sqlite:/// or postgresql://")
    if values.get("TIME_ZONE") and values["TIME_ZONE"] not in available_timezones():
        faults.append("TIME_ZONE must be a name such as Europe/Kyiv")
    languages = (values.get("LANGUAGES") or "en,uk").replace(" ", "").split(",")
    if not set(languages) <= set(KNOWN_LANGUAGES) or "en" not in languages:
        faults.append("LANGUAGES must name en, and may name uk")
    if not re.fullmatch(r"[A-Za-z]{3}", values.get("CURRENCY") or "eur"):
        faults.append("CURRENCY must be a code of three letters such as eur")
    elif not is_supported(values.get("CURRENCY") or "eur"):
        faults.append("CURRENCY has three decimal places, and such amounts can't be sold here; choose another")
    if not re.fullmatch(r"\d{0,2}", values.get("TRUSTED_PROXY_HOPS", "")):
        faults.append("TRUSTED_PROXY_HOPS must be a small number")
    if not re.fullmatch(r"([1-9]\d{0,2})?", values.get("GRANIAN_BLOCKING_THREADS", "")):
        faults.append("GRANIAN_BLOCKING_THREADS must be a number from 1 to 999")
    return faults
