"""The settings are refused whole, with every fault named at once."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from membership.config import BadSettings, Settings, read_settings
from tests.conftest import SettingsMaker

HTTPS = {"SITE_URL": "https://news.example", "MAIL_URL": "smtp://localhost"}
STAGING = {"MEMBERSHIP_ENV": "staging", **HTTPS}
PRODUCTION = {"MEMBERSHIP_ENV": "production", "STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": "", **HTTPS}


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        read_settings(environ)
    return str(refused.value).split("\n- ")[1:]


def test_an_empty_environment_names_everything_that_is_missing() -> None:
    names = (
        "MEMBERSHIP_ENV DATABASE_URL SECRET_KEY SITE_URL SITE_NAME CONTACT_EMAIL STATE_DIR "
        "STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET STATEMENT_DESCRIPTOR MAIL_URL MAIL_FROM"
    ).split()

    assert faults({}) == [f"{name} is missing" for name in names]


def test_several_faults_are_named_at_once(environ: dict[str, str]) -> None:
    bad = environ | {"SECRET_KEY": "short", "STRIPE_SECRET_KEY": "sk_live_x", "MAIL_FROM": "nobody", "TIME_ZONE": "Kyiv"}

    assert faults(bad) == [
        "SECRET_KEY must have 32 characters or more",
        "STRIPE_SECRET_KEY is a live key: only production may use it",
        "STRIPE_API_BASE may not be set together with a live key",
        "MAIL_FROM must be an e-mail address",
        "TIME_ZONE must be a name such as Europe/Kyiv",
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"SITE_NAME": "  "}, "SITE_NAME is missing"),
        ({"MEMBERSHIP_ENV": "prod", **HTTPS}, "MEMBERSHIP_ENV must be one of demo, staging, production"),
        ({"SITE_URL": "news.example"}, "SITE_URL must be a scheme and a host, such as https://news.example"),
        ({"SITE_URL": "ftp://news.example"}, "SITE_URL must be a scheme and a host, such as https://news.example"),
        ({"SITE_URL": "https://news.example/blog"}, "SITE_URL must be a scheme and a host, such as https://news.example"),
        ({"SITE_URL": "https://me@news.example"}, "SITE_URL must be a scheme and a host, such as https://news.example"),
        ({"SITE_URL": "https://news.example:99999"}, "SITE_URL must be a scheme and a host, such as https://news.example"),
        ({**STAGING, "SITE_URL": "http://news.example"}, "SITE_URL must begin with https:// outside the demo"),
        ({"STRIPE_SECRET_KEY": "pk_test_x"}, "STRIPE_SECRET_KEY must begin with sk_test_, rk_test_, sk_live_ or rk_live_"),
        (
            {**STAGING, "STRIPE_SECRET_KEY": "rk_live_x", "STRIPE_API_BASE": ""},
            "STRIPE_SECRET_KEY is a live key: only production may use it",
        ),
        ({**PRODUCTION, "STRIPE_SECRET_KEY": "sk_test_x"}, "STRIPE_SECRET_KEY must be a live key in production"),
        ({**PRODUCTION, "STRIPE_API_BASE": "http://127.0.0.1:1"}, "STRIPE_API_BASE may not be set together with a live key"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_a,"}, "STRIPE_WEBHOOK_SECRET holds an empty secret between its commas"),
        (
            {"STATEMENT_DESCRIPTOR": "1234"},
            "STATEMENT_DESCRIPTOR must have 5 to 22 Latin characters, a letter among them, and none of < > \\ ' \" *",
        ),
        (
            {"STATEMENT_DESCRIPTOR": "НАША gazeta"},
            "STATEMENT_DESCRIPTOR must have 5 to 22 Latin characters, a letter among them, and none of < > \\ ' \" *",
        ),
        (
            {"STATEMENT_DESCRIPTOR": "OUR*GAZETTE"},
            "STATEMENT_DESCRIPTOR must have 5 to 22 Latin characters, a letter among them, and none of < > \\ ' \" *",
        ),
        ({"MAIL_URL": "http://mail"}, "MAIL_URL must begin with smtp:// or smtps://"),
        ({**STAGING, "MAIL_URL": "maildir:///tmp/box"}, "MAIL_URL may be a maildir:// in the demo only"),
        ({"CONTACT_EMAIL": "desk"}, "CONTACT_EMAIL must be an e-mail address"),
        ({"PAYPAL_ADDRESS": "paypal.me/gazette"}, "PAYPAL_ADDRESS must be an e-mail address or begin with https://"),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL must begin with sqlite:/// or postgresql://"),
        ({"LANGUAGES": "uk"}, "LANGUAGES must name en, and may name uk"),
        ({"LANGUAGES": "en,de"}, "LANGUAGES must name en, and may name uk"),
        ({"CURRENCY": "euro"}, "CURRENCY must be a code of three letters such as eur"),
        ({"CURRENCY": "kwd"}, "CURRENCY has three decimal places, and such amounts can't be sold here; choose another"),
        ({"TRUSTED_PROXY_HOPS": "-1"}, "TRUSTED_PROXY_HOPS must be a small number"),
    ],
)
def test_each_fault_is_named(environ: dict[str, str], changes: dict[str, str], fault: str) -> None:
    assert faults(environ | changes) == [fault]


def test_what_is_not_set_has_a_default(make_settings: SettingsMaker, environ: dict[str, str]) -> None:
    settings = make_settings(JOBS_URL="")
    state = Path(environ["STATE_DIR"])

    assert (
        settings.time_zone,
        settings.languages,
        settings.currency,
        settings.round_keys_dir,
        settings.certificate_key_file,
        settings.jobs_url,
        settings.trusted_proxy_hops,
    ) == (
        ZoneInfo("Europe/Kyiv"),
        ("en", "uk"),
        "eur",
        state / "round-keys",
        state / "certificate-key.pem",
        f"sqlite:///{state / 'jobs.db'}",
        0,
    )


def test_receipts_and_transfers_need_nothing_that_was_not_said(make_settings: SettingsMaker) -> None:
    def of(settings: Settings) -> tuple[str, str, str, str]:
        return settings.legal_name, settings.legal_address, settings.bank_details, settings.paypal_address

    said = {
        "LEGAL_NAME": "Gazette NGO",
        "LEGAL_ADDRESS": "1 Road",
        "BANK_DETAILS": "IBAN: 1",
        "PAYPAL_ADDRESS": "https://paypal.me/g",
    }

    assert of(make_settings()) == ("The Test Gazette", "", "", "")
    assert of(make_settings(**said)) == ("Gazette NGO", "1 Road", "IBAN: 1", "https://paypal.me/g")


def test_on_postgresql_the_jobs_live_in_the_same_database(make_settings: SettingsMaker) -> None:
    settings = make_settings(DATABASE_URL="postgres://u@h/d", JOBS_URL="")

    assert settings.jobs_url == "postgres://u@h/d"


def test_webhook_secrets_can_be_rotated(make_settings: SettingsMaker) -> None:
    assert make_settings(STRIPE_WEBHOOK_SECRET="whsec_a, whsec_b").stripe_webhook_secrets == ("whsec_a", "whsec_b")


@pytest.mark.parametrize(
    ("changes", "hosts"),
    [
        ({"SITE_URL": "http://localhost:8000"}, {"localhost:8000", "127.0.0.1:8000"}),
        ({"SITE_URL": "http://localhost"}, {"localhost", "127.0.0.1"}),
        ({**STAGING, "SITE_URL": "https://News.Example:443/"}, {"news.example"}),
        ({**STAGING, "SITE_URL": "https://news.example:8443"}, {"news.example:8443"}),
    ],
)
def test_a_site_answers_to_its_own_name_only(make_settings: SettingsMaker, changes: dict[str, str], hosts: set[str]) -> None:
    assert make_settings(**changes).hosts == hosts


def test_only_production_is_live(make_settings: SettingsMaker) -> None:
    kinds = [make_settings(), make_settings(**STAGING), make_settings(**PRODUCTION)]

    def traits(settings: Settings) -> tuple[bool, bool, bool]:
        return settings.is_demo, settings.is_secure, settings.livemode

    assert [traits(kind) for kind in kinds] == [(True, False, False), (False, True, False), (False, True, True)]
