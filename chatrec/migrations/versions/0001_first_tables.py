"""Users, events, impressions, turns, preferences, consents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("user_key", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("last_seen", sa.Float, nullable=False),
    )
    _create_behaviour()
    _create_conversation()
    _create_profile()


def downgrade() -> None:
    for table in ("consents", "preferences", "turns", "impressions", "events", "users"):
        op.drop_table(table)


def _create_behaviour() -> None:
    op.create_table(
        "events",
        _row_id(),
        _owner(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("catalog", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("impression_id", sa.Text),
        sa.Column("at", sa.Float, nullable=False),
        sa.UniqueConstraint("user_key", "key", name="events_once"),
    )
    op.create_index("events_by_user", "events", ["user_key", "catalog", "at"])
    op.create_table(
        "impressions",
        sa.Column("id", sa.Text, primary_key=True),
        _owner(),
        sa.Column("catalog", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
    )
    op.create_index("impressions_by_user", "impressions", ["user_key", "catalog", "at"])


def _create_conversation() -> None:
    op.create_table(
        "turns",
        _row_id(),
        _owner(),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("conversation", sa.Text, nullable=False),
        sa.Column("speaker", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.UniqueConstraint("user_key", "key", name="turns_once"),
    )
    op.create_index("turns_by_conversation", "turns", ["user_key", "conversation", "at"])


def _create_profile() -> None:
    op.create_table(
        "preferences",
        _row_id(),
        _owner(),
        sa.Column("catalog", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("values", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("soft", sa.Boolean, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("preferences_by_user", "preferences", ["user_key", "catalog", "at"])
    op.create_table(
        "consents",
        _row_id(),
        _owner(),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("consents_by_user", "consents", ["user_key", "purpose", "at"])


def _row_id() -> sa.Column:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)


def _owner() -> sa.Column:
    return sa.Column("user_key", sa.Text, sa.ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False)
