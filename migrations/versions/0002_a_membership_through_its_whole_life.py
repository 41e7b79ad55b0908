"""A membership through its whole life: gifts, seats, transfers, disputes, refunds, comparisons, and what is known of each payment."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DELAYED = sa.text("completed_at IS NOT NULL AND paid_at IS NULL")

# The checks that change, by table and name.
CHECKS_BEFORE: Mapping[str, Mapping[str, str]] = {
    "payment": {
        "kind_known": "kind IN ('charge', 'refund', 'manual')",
        "refund_negative": "(kind = 'refund') = (amount_minor < 0)",
    },
    "paid_period": {"source_known": "source IN ('subscription', 'once', 'bank', 'free_seat')"},
}
CHECKS_AFTER: Mapping[str, Mapping[str, str]] = {
    "checkout_attempt": {
        "purpose_known": "purpose IN ('membership', 'gift', 'seats')",
        "given_once": "purpose = 'membership' OR interval = 'once'",
        "written_after_claim": "written <= claim",
    },
    "payment": {
        "kind_known": "kind IN ('charge', 'manual', 'refund', 'refund_failure', 'dispute', 'dispute_reversal')",
        "sign_by_kind": "(kind IN ('refund', 'dispute')) = (amount_minor < 0)",
    },
    "paid_period": {
        "source_known": "source IN ('subscription', 'once', 'gift', 'bank', 'paypal', 'cash', 'patreon', 'free_seat', 'comp')",
    },
    "subscription": {"attention_known": "attention IN ('declined', 'expired', 'authentication')"},
}
# What is added must have a value for the rows that are there; the models give it to new ones themselves.
TABLES = ("checkout_attempt", "paid_period", "payment", "stripe_customer", "subscription")
ADDED: Mapping[str, Callable[[], Sequence[sa.Column[Any]]]] = {
    "checkout_attempt": lambda: (
        sa.Column("purpose", sa.String(), nullable=False, server_default="membership"),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("buyer_email", sa.String()),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("claim", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("written", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("link_key", sa.Uuid()),
    ),
    "paid_period": lambda: (sa.Column("disputed_at", sa.DateTime(timezone=True)),),
    "payment": lambda: (),
    "stripe_customer": lambda: (
        sa.Column("account", sa.String(), nullable=False, server_default=""),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
    ),
    "subscription": lambda: (
        sa.Column("account", sa.String(), nullable=False, server_default=""),
        sa.Column("is_paused", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("resumes_at", sa.DateTime(timezone=True)),
        sa.Column("attention", sa.String()),
        sa.Column("open_invoice_id", sa.String()),
        sa.Column("open_invoice_url", sa.String()),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("card_brand", sa.String(), nullable=False, server_default=""),
        sa.Column("card_last4", sa.String(), nullable=False, server_default=""),
        sa.Column("card_expires", sa.Date()),
    ),
}


def upgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            for column in ADDED[table]():
                batch_op.add_column(column)
    _give_link_keys()
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            _change_checks(batch_op, table, CHECKS_BEFORE, CHECKS_AFTER)
            for column in ADDED[table]():
                if column.server_default is not None:
                    batch_op.alter_column(column.name, server_default=None)
    with op.batch_alter_table("checkout_attempt") as batch_op:
        batch_op.alter_column("link_key", existing_type=sa.Uuid(), nullable=False)
        batch_op.create_unique_constraint("uq_checkout_attempt_link_key", ["link_key"])
        batch_op.create_index("ix_checkout_attempt_delayed", ["member_id"], sqlite_where=DELAYED, postgresql_where=DELAYED)
        batch_op.create_index("ix_checkout_attempt_withdrawn_at", ["withdrawn_at"])
    with op.batch_alter_table("outbox_item") as batch_op:
        batch_op.add_column(sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
        batch_op.create_index("ix_outbox_item_member_id", ["member_id"])
    with op.batch_alter_table("plan") as batch_op:
        batch_op.add_column(sa.Column("retired_at", sa.DateTime(timezone=True)))
    _create_tables()


def downgrade() -> None:
    _refuse_to_lose_money()
    _drop_tables()
    with op.batch_alter_table("plan") as batch_op:
        batch_op.drop_column("retired_at")
    with op.batch_alter_table("outbox_item") as batch_op:
        batch_op.drop_index("ix_outbox_item_member_id")
        batch_op.drop_column("member_id")
    with op.batch_alter_table("checkout_attempt") as batch_op:
        batch_op.drop_index("ix_checkout_attempt_withdrawn_at")
        batch_op.drop_index("ix_checkout_attempt_delayed")
        batch_op.drop_constraint("uq_checkout_attempt_link_key", type_="unique")
    for table in TABLES:
        with op.batch_alter_table(table) as batch_op:
            _change_checks(batch_op, table, CHECKS_AFTER, CHECKS_BEFORE)
        with op.batch_alter_table(table) as batch_op:
            for column in ADDED[table]():
                batch_op.drop_column(column.name)


def _change_checks(
    batch_op: BatchOperations, table: str, before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> None:
    for name in before.get(table, {}):
        batch_op.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
    for name, rule in after.get(table, {}).items():
        batch_op.create_check_constraint(op.f(f"ck_{table}_{name}"), rule)


def _give_link_keys() -> None:
    """Give every checkout that is there a key of its own for the links in mails."""
    attempts = sa.table("checkout_attempt", sa.column("id", sa.Uuid()), sa.column("link_key", sa.Uuid()))
    connection = op.get_bind()
    for (key,) in connection.execute(sa.select(attempts.c.id)).all():
        connection.execute(attempts.update().where(attempts.c.id == key).values(link_key=uuid4()))


def _refuse_to_lose_money() -> None:
    """Refuse the way back where rows are there that the older version can't hold."""
    connection = op.get_bind()
    kinds = sa.text("SELECT count(*) FROM payment WHERE kind NOT IN ('charge', 'refund', 'manual')")
    sources = sa.text("SELECT count(*) FROM paid_period WHERE source NOT IN ('subscription', 'once', 'bank', 'free_seat')")
    if any(connection.scalar(count) for count in (kinds, sources)):
        raise RuntimeError("Disputes, gifts or other support were recorded since: the older version can't hold them.")


def _create_tables() -> None:
    op.create_table(
        "cancel_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cancel_request")),
    )
    with op.batch_alter_table("cancel_request") as batch_op:
        batch_op.create_index(batch_op.f("ix_cancel_request_email_requested_at"), ["email", "requested_at"], unique=False)
    op.create_table(
        "limited_act",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limited_act")),
    )
    with op.batch_alter_table("limited_act") as batch_op:
        batch_op.create_index(batch_op.f("ix_limited_act_act_who_at"), ["act", "who", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_limited_act_at"), ["at"], unique=False)
    op.create_table(
        "money_check_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_check_run")),
    )
    with op.batch_alter_table("money_check_run") as batch_op:
        batch_op.create_index(batch_op.f("ix_money_check_run_at"), ["at"], unique=False)
    op.create_table(
        "seat_pool_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("months <> 0", name=op.f("ck_seat_pool_entry_months_move")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_pool_entry")),
        sa.UniqueConstraint("reference", name=op.f("uq_seat_pool_entry_reference")),
    )
    op.create_table(
        "bank_import",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("imported_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["imported_by"], ["member.id"], name=op.f("fk_bank_import_imported_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_import")),
    )
    op.create_table(
        "dispute",
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("charge_reference", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_dispute_member_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("stripe_id", name=op.f("pk_dispute")),
    )
    with op.batch_alter_table("dispute") as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_charge_reference"), ["charge_reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_dispute_member_id"), ["member_id"], unique=False)
    op.create_table(
        "free_seat_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("decision IN ('granted', 'declined')", name=op.f("ck_free_seat_request_decision_known")),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_free_seat_request_decided_whole")),
        sa.ForeignKeyConstraint(["decided_by"], ["member.id"], name=op.f("fk_free_seat_request_decided_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_free_seat_request_member_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_free_seat_request")),
    )
    with op.batch_alter_table("free_seat_request") as batch_op:
        batch_op.create_index(
            "ix_free_seat_request_open",
            ["email"],
            unique=True,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )
    op.create_table(
        "member_note",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["member.id"], name=op.f("fk_member_note_author_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_member_note_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_note")),
    )
    with op.batch_alter_table("member_note") as batch_op:
        batch_op.create_index(batch_op.f("ix_member_note_member_id"), ["member_id"], unique=False)
    op.create_table(
        "patreon_import",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uploaded_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined", sa.Integer(), nullable=False),
        sa.Column("prolonged", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.CheckConstraint("applied_at IS NULL OR draft IS NULL", name=op.f("ck_patreon_import_draft_forgotten")),
        sa.ForeignKeyConstraint(["uploaded_by"], ["member.id"], name=op.f("fk_patreon_import_uploaded_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patreon_import")),
    )
    op.create_table(
        "reconcile_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_alive_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("drift", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["requested_by"], ["member.id"], name=op.f("fk_reconcile_run_requested_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconcile_run")),
    )
    op.create_table(
        "refund_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("charge_reference", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("ordered_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stripe_refund_id", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", sa.String(), nullable=False),
        sa.CheckConstraint("cause IN ('staff', 'withdrawal', 'duplicate')", name=op.f("ck_refund_order_cause_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_order_amount_positive")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_refund_order_member_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["ordered_by"], ["member.id"], name=op.f("fk_refund_order_ordered_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_order")),
        sa.UniqueConstraint("stripe_refund_id", name=op.f("uq_refund_order_stripe_refund_id")),
    )
    with op.batch_alter_table("refund_order") as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_order_charge_reference"), ["charge_reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_order_member_id"), ["member_id"], unique=False)
        batch_op.create_index(
            "ix_refund_order_once",
            ["charge_reference", "cause"],
            unique=True,
            sqlite_where=sa.text("cause <> 'staff'"),
            postgresql_where=sa.text("cause <> 'staff'"),
        )
    op.create_table(
        "stripe_closure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["closed_by"], ["member.id"], name=op.f("fk_stripe_closure_closed_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["reopened_by"], ["member.id"], name=op.f("fk_stripe_closure_reopened_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_closure")),
        sa.UniqueConstraint("place", name=op.f("uq_stripe_closure_place")),
    )
    op.create_table(
        "transfer_reference",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("member_id IS NOT NULL OR email IS NOT NULL", name=op.f("ck_transfer_reference_somebodys")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_transfer_reference_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_transfer_reference")),
        sa.UniqueConstraint("member_id", name=op.f("uq_transfer_reference_member_id")),
    )
    op.create_table(
        "twin_notice",
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("earlier_member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("decision IN ('joined', 'not_me')", name=op.f("ck_twin_notice_decision_known")),
        sa.ForeignKeyConstraint(
            ["earlier_member_id"], ["member.id"], name=op.f("fk_twin_notice_earlier_member_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_twin_notice_member_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_twin_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_twin_notice_key")),
    )
    with op.batch_alter_table("twin_notice") as batch_op:
        batch_op.create_index(batch_op.f("ix_twin_notice_earlier_member_id"), ["earlier_member_id"], unique=False)
    op.create_table(
        "bank_transfer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.CheckConstraint("state = 'waiting' OR (payer = '' AND text = '')", name=op.f("ck_bank_transfer_forgotten_when_decided")),
        sa.CheckConstraint("state IN ('waiting', 'matched', 'dismissed')", name=op.f("ck_bank_transfer_state_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_bank_transfer_amount_positive")),
        sa.ForeignKeyConstraint(["decided_by"], ["member.id"], name=op.f("fk_bank_transfer_decided_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["import_id"], ["bank_import.id"], name=op.f("fk_bank_transfer_import_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_bank_transfer_member_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transfer")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_bank_transfer_fingerprint")),
    )
    with op.batch_alter_table("bank_transfer") as batch_op:
        batch_op.create_index(batch_op.f("ix_bank_transfer_state_booked_on"), ["state", "booked_on"], unique=False)
    op.create_table(
        "gift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("redeemed_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("months BETWEEN 1 AND 12", name=op.f("ck_gift_months_bounded")),
        sa.CheckConstraint("redeemed_by IS NULL OR redeemed_at IS NOT NULL", name=op.f("ck_gift_redeemed_whole")),
        sa.ForeignKeyConstraint(["attempt_id"], ["checkout_attempt.id"], name=op.f("fk_gift_attempt_id")),
        sa.ForeignKeyConstraint(["redeemed_by"], ["member.id"], name=op.f("fk_gift_redeemed_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_gift_attempt_id")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_gift_code_hash")),
    )
    with op.batch_alter_table("gift") as batch_op:
        batch_op.create_index(batch_op.f("ix_gift_redeemed_by"), ["redeemed_by"], unique=False)
    op.create_table(
        "patreon_member",
        sa.Column("patreon_id", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("paid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["last_import_id"], ["patreon_import.id"], name=op.f("fk_patreon_member_last_import_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_patreon_member_member_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("patreon_id", name=op.f("pk_patreon_member")),
    )
    with op.batch_alter_table("patreon_member") as batch_op:
        batch_op.create_index(batch_op.f("ix_patreon_member_member_id"), ["member_id"], unique=False)
    op.create_table(
        "declined_charge",
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_declined_charge_member_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.stripe_id"], name=op.f("fk_declined_charge_subscription_id")),
        sa.PrimaryKeyConstraint("stripe_id", name=op.f("pk_declined_charge")),
    )
    with op.batch_alter_table("declined_charge") as batch_op:
        batch_op.create_index(batch_op.f("ix_declined_charge_member_id"), ["member_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_declined_charge_subscription_id"), ["subscription_id"], unique=False)
    op.create_table(
        "duplicate_subscription",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("kept_id", sa.String(), nullable=False),
        sa.Column("refunds_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["kept_id"], ["subscription.stripe_id"], name=op.f("fk_duplicate_subscription_kept_id")),
        sa.ForeignKeyConstraint(
            ["subscription_id"], ["subscription.stripe_id"], name=op.f("fk_duplicate_subscription_subscription_id")
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_duplicate_subscription")),
    )


def _drop_tables() -> None:
    op.drop_table("duplicate_subscription")
    with op.batch_alter_table("declined_charge") as batch_op:
        batch_op.drop_index(batch_op.f("ix_declined_charge_subscription_id"))
        batch_op.drop_index(batch_op.f("ix_declined_charge_member_id"))
    op.drop_table("declined_charge")
    with op.batch_alter_table("patreon_member") as batch_op:
        batch_op.drop_index(batch_op.f("ix_patreon_member_member_id"))
    op.drop_table("patreon_member")
    with op.batch_alter_table("gift") as batch_op:
        batch_op.drop_index(batch_op.f("ix_gift_redeemed_by"))
    op.drop_table("gift")
    with op.batch_alter_table("bank_transfer") as batch_op:
        batch_op.drop_index(batch_op.f("ix_bank_transfer_state_booked_on"))
    op.drop_table("bank_transfer")
    with op.batch_alter_table("twin_notice") as batch_op:
        batch_op.drop_index(batch_op.f("ix_twin_notice_earlier_member_id"))
    op.drop_table("twin_notice")
    op.drop_table("transfer_reference")
    op.drop_table("stripe_closure")
    with op.batch_alter_table("refund_order") as batch_op:
        batch_op.drop_index(
            "ix_refund_order_once", sqlite_where=sa.text("cause <> 'staff'"), postgresql_where=sa.text("cause <> 'staff'")
        )
        batch_op.drop_index(batch_op.f("ix_refund_order_member_id"))
        batch_op.drop_index(batch_op.f("ix_refund_order_charge_reference"))
    op.drop_table("refund_order")
    op.drop_table("reconcile_run")
    op.drop_table("patreon_import")
    with op.batch_alter_table("member_note") as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_note_member_id"))
    op.drop_table("member_note")
    with op.batch_alter_table("free_seat_request") as batch_op:
        batch_op.drop_index(
            "ix_free_seat_request_open", sqlite_where=sa.text("decided_at IS NULL"), postgresql_where=sa.text("decided_at IS NULL")
        )
    op.drop_table("free_seat_request")
    with op.batch_alter_table("dispute") as batch_op:
        batch_op.drop_index(batch_op.f("ix_dispute_member_id"))
        batch_op.drop_index(batch_op.f("ix_dispute_charge_reference"))
    op.drop_table("dispute")
    op.drop_table("bank_import")
    op.drop_table("seat_pool_entry")
    with op.batch_alter_table("money_check_run") as batch_op:
        batch_op.drop_index(batch_op.f("ix_money_check_run_at"))
    op.drop_table("money_check_run")
    with op.batch_alter_table("limited_act") as batch_op:
        batch_op.drop_index(batch_op.f("ix_limited_act_at"))
        batch_op.drop_index(batch_op.f("ix_limited_act_act_who_at"))
    op.drop_table("limited_act")
    with op.batch_alter_table("cancel_request") as batch_op:
        batch_op.drop_index(batch_op.f("ix_cancel_request_email_requested_at"))
    op.drop_table("cancel_request")
