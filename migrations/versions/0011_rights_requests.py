"""Complaints and requests for access, correction or erasure."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('rights_requests',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('right', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_folded', sa.String(length=254), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('form_hash', sa.String(length=64), nullable=False),
    sa.Column('answers_hash', sa.String(length=64), nullable=False),
    sa.Column('sent_at', sa.DateTime(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(), nullable=True),
    sa.Column('answered_at', sa.DateTime(), nullable=True),
    sa.Column('answered_by', sa.String(length=100), nullable=False),
    sa.Column('outcome', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('empty_when_answered', sa.Boolean(), nullable=False),
    sa.CheckConstraint("right IN ('complaint', 'access', 'correction', 'erasure')", name=op.f('ck_rights_requests_right')),
    sa.CheckConstraint("outcome IN ('', 'done', 'partly', 'refused')", name=op.f('ck_rights_requests_outcome')),
    sa.CheckConstraint("language IN ('en', 'es')", name=op.f('ck_rights_requests_language')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rights_requests')),
    sa.UniqueConstraint('form_hash', name=op.f('uq_rights_requests_form_hash')),
    )
    op.create_index(op.f('ix_rights_requests_email_folded'), 'rights_requests', ['email_folded'], unique=False)
    op.create_index(op.f('ix_rights_requests_sent_at'), 'rights_requests', ['sent_at'], unique=False)


def downgrade() -> None:
    op.drop_table('rights_requests')
