"""Attempts hold networks, addresses and mailboxes as keyed hashes."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

BEFORE = {'address': 64, 'mailbox': 64, 'network': 45, 'wide': 45}
HASH = 32


def upgrade() -> None:
    # What is there names networks in the clear, and would be compared with hashes in vain. It is
    # kept for a day at most: limits begin anew.
    op.execute("DELETE FROM attempts")
    with op.batch_alter_table('attempts') as batch:
        for name, length in BEFORE.items():
            batch.alter_column(name, existing_type=sa.String(length=length), type_=sa.String(length=HASH), existing_nullable=False, server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM attempts")
    with op.batch_alter_table('attempts') as batch:
        for name, length in BEFORE.items():
            default = "" if name in {'mailbox', 'wide'} else None
            batch.alter_column(name, existing_type=sa.String(length=HASH), type_=sa.String(length=length), existing_nullable=False, server_default=default)
