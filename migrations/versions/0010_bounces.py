"""A bounce is recorded on the person; a dead mail can be dismissed."""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('people', sa.Column('bounced_at', sa.DateTime(), nullable=True))
    op.add_column('people', sa.Column('bounce_reason', sa.String(length=300), server_default='', nullable=False))
    op.add_column('outbox', sa.Column('dismissed_at', sa.DateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column('outbox', 'dismissed_at')
    op.drop_column('people', 'bounce_reason')
    op.drop_column('people', 'bounced_at')
