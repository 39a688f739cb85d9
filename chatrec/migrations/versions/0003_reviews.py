"""Reviews of flagged lists, and items hidden by them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("user_key", sa.Text, sa.ForeignKey("users.user_key", ondelete="CASCADE"), nullable=False),
        sa.Column("impression_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_index("reviews_by_impression", "reviews", ["impression_id"])
    op.create_table(
        "hidden",
        sa.Column("catalog", sa.Text, primary_key=True),
        sa.Column("item_id", sa.Text, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("hidden")
    op.drop_table("reviews")
