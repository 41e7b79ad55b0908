"""The only place where the parts meet."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from membership import outbox
from membership.accounts import address_views as accounts_address_views
from membership.accounts import cli as accounts_cli
from membership.accounts import device_views as accounts_device_views
from membership.accounts import jobs as accounts_jobs
from membership.accounts import mail_views as accounts_mail_views
from membership.accounts import passkey_views as accounts_passkey_views
from membership.accounts import privacy_views as accounts_privacy_views
from membership.accounts import role_views as accounts_role_views
from membership.accounts import views as accounts_views
from membership.accounts.login import load_viewer
from membership.articles import cli as articles_cli
from membership.articles import staff_views as articles_staff_views
from membership.articles import views as articles_views
from membership.audit import derive_key
from membership.clock import Clock, SystemClock
from membership.config import Settings
from membership.credits import cli as credits_cli
from membership.credits import jobs as credits_jobs
from membership.credits import staff_views as credits_staff_views
from membership.credits import views as credits_views
from membership.db import make_engine, make_sessions
from membership.demo import views as demo_views
from membership.jobs import Job, JobContext, Queue, make_huey
from membership.mail import transport_for
from membership.paths import ROOT
from membership.patronage import account_views as patronage_account_views
from membership.patronage import cli as patronage_cli
from membership.patronage import giving_views as patronage_giving_views
from membership.patronage import jobs as patronage_jobs
from membership.patronage import link_views as patronage_link_views
from membership.patronage import receipt_views as patronage_receipt_views
from membership.patronage import staff_address_views as patronage_staff_address_views
from membership.patronage import staff_giving_views as patronage_staff_giving_views
from membership.patronage import staff_money_views as patronage_staff_money_views
from membership.patronage import staff_patreon_views as patronage_staff_patreon_views
from membership.patronage import staff_transfer_views as patronage_staff_transfer_views
from membership.patronage import staff_views as patronage_staff_views
from membership.patronage import transfer_views as patronage_transfer_views
from membership.patronage import twin_views as patronage_twin_views
from membership.patronage import views as patronage_views
from membership.patronage import webhooks
from membership.patronage.gateway import Gateway, make_gateway, make_quick_gateway
from membership.refusal_counts import RefusalCounter
from membership.staff import cli as staff_cli
from membership.staff import jobs as staff_jobs
from membership.staff import views as staff_views
from membership.voting import box_staff_views as voting_box_staff_views
from membership.voting import certificate_views as voting_certificate_views
from membership.voting import cli as voting_cli
from membership.voting import count_staff_views as voting_count_staff_views
from membership.voting import jobs as voting_jobs
from membership.voting import result_views as voting_result_views
from membership.voting import sealed as voting_sealed
from membership.voting import staff_views as voting_staff_views
from membership.voting import topic_staff_views, topic_views
from membership.voting import views as voting_views
from membership.voting.keys import RoundKeys
from membership.voting.round_letters import DISCREET
from membership.voting.signing import CertificateSigner
from membership.web import assets, audience, commands, database, errors, filters, health, languages, refused_requests, security
from membership.web.bodies import BodyReader
from membership.web.mail_rendering import make_sender
from membership.web.page_cache import PageCache
from membership.web.session_cookie import SessionCookie
from membership.web.version_watch import VersionWatch

BLUEPRINTS = (
    health.bp,
    articles_views.bp,
    articles_staff_views.bp,
    accounts_views.bp,
    accounts_passkey_views.bp,
    accounts_role_views.bp,
    accounts_address_views.bp,
    accounts_mail_views.bp,
    accounts_privacy_views.bp,
    accounts_device_views.bp,
    patronage_views.bp,
    patronage_account_views.bp,
    patronage_giving_views.bp,
    patronage_link_views.bp,
    patronage_receipt_views.bp,
    patronage_transfer_views.bp,
    patronage_twin_views.bp,
    patronage_staff_views.bp,
    patronage_staff_address_views.bp,
    patronage_staff_giving_views.bp,
    patronage_staff_money_views.bp,
    patronage_staff_patreon_views.bp,
    patronage_staff_transfer_views.bp,
    webhooks.bp,
    voting_views.bp,
    voting_certificate_views.bp,
    voting_result_views.bp,
    voting_box_staff_views.bp,
    voting_count_staff_views.bp,
    voting_staff_views.bp,
    topic_views.bp,
    topic_staff_views.bp,
    credits_views.bp,
    credits_staff_views.bp,
    staff_views.bp,
)
COMMANDS = (
    accounts_cli.cli,
    articles_cli.cli,
    patronage_cli.cli,
    voting_cli.cli,
    credits_cli.cli,
    staff_cli.audit,
    staff_cli.doctor,
    commands.jobs,
    commands.database,
)


def create_app(settings: Settings, *, clock: Clock | None = None) -> Flask:
    """Build one app from explicit settings; only wsgi.py reads the environment."""
    app = Flask("membership", root_path=str(ROOT / "membership"), template_folder=str(ROOT / "templates"))
    app.config.from_mapping(_flask_settings(settings))
    app.jinja_options = {"undefined": StrictUndefined}  # a typo in a template fails a test
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    engine = make_engine(settings.database_url)
    audit_keys = [derive_key(secret) for secret in settings.audit_secrets]
    context = JobContext(make_sessions(engine, audit_keys=audit_keys), clock or SystemClock(), settings)
    gateway = make_gateway(settings)
    keys, signer = RoundKeys(settings.round_keys_dir), CertificateSigner(settings.certificate_key_file)
    queue = Queue(make_huey(settings.jobs_url), _jobs(app, context, gateway, keys, signer))
    database.init_app(app, database.Kernel(settings, engine, context.sessions, context.clock, queue))
    app.extensions["refusals"] = RefusalCounter(context.sessions)
    app.extensions["gateway"] = gateway
    app.extensions["quick_gateway"] = make_quick_gateway(settings)
    app.extensions["round_keys"] = keys
    app.extensions["certificate_signer"] = signer
    app.extensions["readiness"] = {"round_keys": lambda: _has_round_keys(context, keys)}
    _init_web(app, settings)
    for blueprint in (*BLUEPRINTS, *([demo_views.bp] if settings.is_demo else [])):
        app.register_blueprint(blueprint)
    for group in COMMANDS:
        app.cli.add_command(group)
    _wrap(app, settings, engine)
    return app


def _init_web(app: Flask, settings: Settings) -> None:
    languages.init_app(app)
    errors.init_app(app)
    refused_requests.init_app(app)
    security.init_app(app, settings)
    assets.init_app(app)
    filters.init_app(app, settings)
    app.session_interface = SessionCookie()
    login = audience.make_login_manager()
    # Not init_app(): it would read the session after each request, for a remember cookie that we don't have, and so make every
    # open page vary by cookie; and it would look up who is signed in for every template.
    app.login_manager = login  # type: ignore[attr-defined]
    login.user_loader(load_viewer)
    app.context_processor(lambda: _template_context(settings))


def _wrap(app: Flask, settings: Settings, engine: Any) -> None:
    most_bytes = max(getattr(view, "most_bytes", security.MAX_BODY_BYTES) for view in app.view_functions.values())
    read = BodyReader(app.wsgi_app, threads=settings.blocking_threads, most_bytes=most_bytes)
    cached = PageCache(read, watch=VersionWatch(engine), hosts=settings.hosts)
    app.extensions["page_cache"] = cached
    hops = settings.trusted_proxy_hops
    app.wsgi_app = ProxyFix(cached, x_for=hops, x_proto=hops) if hops else cached  # type: ignore[method-assign]


def _flask_settings(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "SESSION_COOKIE_NAME": "__Host-session" if settings.is_secure else "session",
        "SESSION_COOKIE_SECURE": settings.is_secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        # The server's row decides when it ends; refreshing would put a Set-Cookie on every page, open ones too.
        "PERMANENT_SESSION_LIFETIME": timedelta(days=90),
        "SESSION_REFRESH_EACH_REQUEST": False,
        "TRANSLATIONS": str(Path("translations")),
        "WTF_CSRF_ENABLED": False,  # one mechanism: membership.web.security
        "PREFERRED_URL_SCHEME": "https" if settings.is_secure else "http",
    }


def _template_context(settings: Settings) -> dict[str, object]:
    site = SimpleNamespace(
        name=settings.site_name,
        url=settings.site_url,
        contact_email=settings.contact_email,
        statement_descriptor=settings.statement_descriptor,
        legal_name=settings.legal_name,
        legal_address=settings.legal_address,
        demo=settings.is_demo,
        languages=settings.languages,
    )
    return {"site": site, "lang": languages.current_language()}


def _jobs(app: Flask, context: JobContext, gateway: Gateway, keys: RoundKeys, signer: CertificateSigner) -> Sequence[Job]:
    return (
        *accounts_jobs.jobs(context),
        *patronage_jobs.jobs(context, gateway),
        *voting_jobs.jobs(context, keys, signer),
        *credits_jobs.jobs(context),
        *staff_jobs.jobs(context),
        Job("mails", lambda: _deliver_mails(app, context, keys)),
    )


def _has_round_keys(context: JobContext, keys: RoundKeys) -> bool:
    with context.sessions() as session:
        return keys.are_private() and voting_sealed.can_read_keys(session, keys)


def _deliver_mails(app: Flask, context: JobContext, keys: RoundKeys) -> int:
    letters: Mapping[str, outbox.Prepare] = {
        **accounts_jobs.letters(context),
        **patronage_jobs.letters(context),
        **voting_jobs.letters(context, keys),
        **credits_jobs.letters(context),
    }
    send = make_sender(app, transport_for(context.settings.mail_url))
    return outbox.deliver_due(context.sessions, handlers=letters, send=send, clock=context.clock, discreet=DISCREET)
