"""Attempts by mailbox and by wider network; a form that is good for one application."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('attempts', sa.Column('mailbox', sa.String(length=64), server_default='', nullable=False))
    op.add_column('attempts', sa.Column('wide', sa.String(length=45), server_default='', nullable=False))
    # What was counted goes on counting: it is kept a day.
    op.execute("UPDATE attempts SET mailbox = address, wide = network")
    op.drop_index('ix_attempts_what_address_at', table_name='attempts')
    op.create_index('ix_attempts_what_mailbox_at', 'attempts', ['what', 'mailbox', 'at'], unique=False)
    op.create_index('ix_attempts_what_wide_at', 'attempts', ['what', 'wide', 'at'], unique=False)
    op.add_column('applications', sa.Column('answers', sa.String(length=64), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('applications', 'answers')
    op.drop_index('ix_attempts_what_wide_at', table_name='attempts')
    op.drop_index('ix_attempts_what_mailbox_at', table_name='attempts')
    op.create_index('ix_attempts_what_address_at', 'attempts', ['what', 'address', 'at'], unique=False)
    op.drop_column('attempts', 'wide')
    op.drop_column('attempts', 'mailbox')
