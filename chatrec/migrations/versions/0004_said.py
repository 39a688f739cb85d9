"""The sentence that something was learnt from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("events", "preferences")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("said", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "said")
