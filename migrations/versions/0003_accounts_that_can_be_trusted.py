"""Accounts that can be trusted: passkeys, changes of address, closures, a chained audit trail, newsroom texts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

METHODS = "method IN ('mail', 'checkout', 'passkey', 'enrolment', 'staff_link')"
CLOSED = "closed_at IS NULL OR (email IS NULL AND typed_email IS NULL AND user_handle IS NULL AND display_name = '')"
# Of the audit trail nothing is changed or taken away. Last, because SQLite drops a table's triggers when it makes the table anew.
APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$",
        "CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_append_only()",
    ),
}
FREE = {
    "sqlite": ("DROP TRIGGER audit_entry_no_update", "DROP TRIGGER audit_entry_no_delete"),
    "postgresql": ("DROP TRIGGER audit_entry_append_only ON audit_entry", "DROP FUNCTION audit_entry_append_only()"),
}


def upgrade() -> None:
    op.create_table(
        "audit_check",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_check")),
    )
    with op.batch_alter_table("audit_check") as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_check_at"), ["at"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "refusal_count",
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("many", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('role', 'foreign', 'often')", name=op.f("ck_refusal_count_kind_known")),
        sa.PrimaryKeyConstraint("on", "kind", name=op.f("pk_refusal_count")),
    )
    op.create_table(
        "account_closure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_address", sa.String(), nullable=True),
        sa.Column("last_address_proved", sa.Boolean(), nullable=False),
        sa.Column("last_language", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_account_closure_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_closure")),
    )
    with op.batch_alter_table("account_closure") as batch_op:
        batch_op.create_index(batch_op.f("ix_account_closure_member_id"), ["member_id"], unique=False)
        batch_op.create_index(
            "uq_account_closure_open",
            ["member_id"],
            unique=True,
            sqlite_where=sa.text("done_at IS NULL AND taken_back_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND taken_back_at IS NULL"),
        )

    op.create_table(
        "address_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("old_email", sa.String(), nullable=True),
        sa.Column("old_was_proved", sa.Boolean(), nullable=False),
        sa.Column("new_email", sa.String(), nullable=False),
        sa.Column("ordered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("old_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("new_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("old_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("new_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_address_change_member_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ordered_by"], ["member.id"], name=op.f("fk_address_change_ordered_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sa.UniqueConstraint("new_token_hash", name=op.f("uq_address_change_new_token_hash")),
        sa.UniqueConstraint("old_token_hash", name=op.f("uq_address_change_old_token_hash")),
        sa.UniqueConstraint("undo_token_hash", name=op.f("uq_address_change_undo_token_hash")),
    )
    with op.batch_alter_table("address_change") as batch_op:
        batch_op.create_index(batch_op.f("ix_address_change_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_address_change_new_email"), ["new_email"], unique=False)
        batch_op.create_index(
            "uq_address_change_open",
            ["member_id"],
            unique=True,
            sqlite_where=sa.text("done_at IS NULL AND refused_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND refused_at IS NULL"),
        )

    op.create_table(
        "article_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("article_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("supports", sa.Integer(), nullable=False),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["article.id"], name=op.f("fk_article_month_article_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("month", "article_id", "currency", name=op.f("pk_article_month")),
    )
    with op.batch_alter_table("article_month") as batch_op:
        batch_op.create_index(batch_op.f("ix_article_month_article_id"), ["article_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("invited_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["invited_by"], ["member.id"], name=op.f("fk_invitation_invited_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_email"), ["email"], unique=False)

    op.create_table(
        "mail_choice",
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mail_group", sa.String(), nullable=False),
        sa.Column("off_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mail_group IN ('votes', 'stories')", name=op.f("ck_mail_choice_group_known")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_mail_choice_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "mail_group", name=op.f("pk_mail_choice")),
    )
    op.create_table(
        "newsroom_text",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("key IN ('terms', 'privacy', 'refunds', 'imprint')", name=op.f("ck_newsroom_text_key_known")),
        sa.CheckConstraint("language IN ('en', 'uk')", name=op.f("ck_newsroom_text_language_known")),
        sa.ForeignKeyConstraint(["written_by"], ["member.id"], name=op.f("fk_newsroom_text_written_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsroom_text")),
        sa.UniqueConstraint("key", "language", "version", name=op.f("uq_newsroom_text_key_language_version")),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.Integer(), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("ck_passkey_sign_count")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_passkey_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    with op.batch_alter_table("passkey") as batch_op:
        batch_op.create_index(batch_op.f("ix_passkey_member_id"), ["member_id"], unique=False)

    op.create_table(
        "passkey_challenge",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("user_handle", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('register', 'sign_in', 'confirm')", name=op.f("ck_passkey_challenge_purpose_known")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_passkey_challenge_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey_challenge")),
        sa.UniqueConstraint("challenge", name=op.f("uq_passkey_challenge_challenge")),
    )
    with op.batch_alter_table("passkey_challenge") as batch_op:
        batch_op.create_index(batch_op.f("ix_passkey_challenge_browser_hash_purpose"), ["browser_hash", "purpose"], unique=False)
        batch_op.create_index(batch_op.f("ix_passkey_challenge_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "recovery_code",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_recovery_code_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_code_code_hash")),
    )
    with op.batch_alter_table("recovery_code") as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_code_member_id"), ["member_id"], unique=False)

    op.create_table(
        "closure_part",
        sa.Column("closure_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("part IN ('money', 'ballots', 'credits')", name=op.f("ck_closure_part_part_known")),
        sa.ForeignKeyConstraint(
            ["closure_id"], ["account_closure.id"], name=op.f("fk_closure_part_closure_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("closure_id", "part", name=op.f("pk_closure_part")),
    )
    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("login_session") as batch_op:
        batch_op.add_column(sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("browser_hash", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_login_session_browser_hash"), ["browser_hash"], unique=False)

    with op.batch_alter_table("member") as batch_op:
        batch_op.add_column(sa.Column("user_handle", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("has_signed_in", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("address_changed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_member_user_handle"), ["user_handle"])

    with op.batch_alter_table("payment") as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_attempt_id"), ["attempt_id"], unique=False)

    with op.batch_alter_table("sign_in_request") as batch_op:
        batch_op.add_column(sa.Column("link_tries", sa.Integer(), nullable=False, server_default="0"))

    with op.batch_alter_table("stripe_customer") as batch_op:
        batch_op.add_column(sa.Column("address_pushed_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("subscription") as batch_op:
        batch_op.create_index(batch_op.f("ix_subscription_attempt_id"), ["attempt_id"], unique=False)
    _fill()
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _fill() -> None:
    """Give the rows that are there what the new columns want of them."""
    # To the hour, as from now on; who is signed in at this moment goes on.
    op.execute("UPDATE login_session SET last_seen_at = created_at")
    op.execute("UPDATE member SET has_signed_in = true WHERE id IN (SELECT member_id FROM login_session)")
    with op.batch_alter_table("login_session") as batch_op:
        batch_op.alter_column("last_seen_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        batch_op.create_check_constraint(op.f("ck_login_session_method_known"), METHODS)
    with op.batch_alter_table("member") as batch_op:
        batch_op.alter_column("has_signed_in", existing_type=sa.Boolean(), server_default=None)
        batch_op.create_check_constraint(op.f("ck_member_closed_is_nobody"), CLOSED)
    with op.batch_alter_table("sign_in_request") as batch_op:
        batch_op.alter_column("link_tries", existing_type=sa.Integer(), server_default=None)
        batch_op.drop_constraint(op.f("ck_sign_in_request_tries_bounded"), type_="check")
        batch_op.create_check_constraint(op.f("ck_sign_in_request_tries_bounded"), "tries BETWEEN 0 AND 5")
        batch_op.create_check_constraint(op.f("ck_sign_in_request_link_tries_bounded"), "link_tries BETWEEN 0 AND 5")


def downgrade() -> None:
    for statement in FREE[op.get_bind().dialect.name]:
        op.execute(statement)
    # What the earlier version does not know lets nobody in there.
    op.execute("DELETE FROM login_session WHERE method IN ('passkey', 'enrolment')")
    with op.batch_alter_table("sign_in_request") as batch_op:
        batch_op.drop_constraint(op.f("ck_sign_in_request_link_tries_bounded"), type_="check")
        batch_op.drop_constraint(op.f("ck_sign_in_request_tries_bounded"), type_="check")
        batch_op.create_check_constraint(op.f("ck_sign_in_request_tries_bounded"), "tries >= 0 AND tries <= 5")
    with op.batch_alter_table("login_session") as batch_op:
        batch_op.drop_constraint(op.f("ck_login_session_method_known"), type_="check")
    with op.batch_alter_table("subscription") as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscription_attempt_id"))

    with op.batch_alter_table("stripe_customer") as batch_op:
        batch_op.drop_column("address_pushed_at")

    with op.batch_alter_table("sign_in_request") as batch_op:
        batch_op.drop_column("link_tries")

    with op.batch_alter_table("payment") as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_attempt_id"))

    with op.batch_alter_table("member") as batch_op:
        batch_op.drop_constraint(op.f("ck_member_closed_is_nobody"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_member_user_handle"), type_="unique")
        batch_op.drop_column("closed_at")
        batch_op.drop_column("address_changed_at")
        batch_op.drop_column("has_signed_in")
        batch_op.drop_column("user_handle")

    with op.batch_alter_table("login_session") as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_session_browser_hash"))
        batch_op.drop_column("proved_at")
        batch_op.drop_column("browser_hash")
        batch_op.drop_column("last_seen_at")

    with op.batch_alter_table("audit_entry") as batch_op:
        batch_op.drop_column("mac")

    op.drop_table("closure_part")
    with op.batch_alter_table("recovery_code") as batch_op:
        batch_op.drop_index(batch_op.f("ix_recovery_code_member_id"))

    op.drop_table("recovery_code")
    with op.batch_alter_table("passkey_challenge") as batch_op:
        batch_op.drop_index(batch_op.f("ix_passkey_challenge_expires_at"))
        batch_op.drop_index(batch_op.f("ix_passkey_challenge_browser_hash_purpose"))

    op.drop_table("passkey_challenge")
    with op.batch_alter_table("passkey") as batch_op:
        batch_op.drop_index(batch_op.f("ix_passkey_member_id"))

    op.drop_table("passkey")
    op.drop_table("newsroom_text")
    op.drop_table("mail_choice")
    with op.batch_alter_table("invitation") as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_email"))

    op.drop_table("invitation")
    with op.batch_alter_table("article_month") as batch_op:
        batch_op.drop_index(batch_op.f("ix_article_month_article_id"))

    op.drop_table("article_month")
    with op.batch_alter_table("address_change") as batch_op:
        batch_op.drop_index(
            "uq_address_change_open",
            sqlite_where=sa.text("done_at IS NULL AND refused_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND refused_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_address_change_new_email"))
        batch_op.drop_index(batch_op.f("ix_address_change_member_id"))

    op.drop_table("address_change")
    with op.batch_alter_table("account_closure") as batch_op:
        batch_op.drop_index(
            "uq_account_closure_open",
            sqlite_where=sa.text("done_at IS NULL AND taken_back_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND taken_back_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_account_closure_member_id"))

    op.drop_table("account_closure")
    op.drop_table("refusal_count")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit_check") as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_check_at"))

    op.drop_table("audit_check")
