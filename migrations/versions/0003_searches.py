"""What is searched for: queries by keyed hash, and how often each day."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('search_queries',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=32), nullable=False),
    sa.Column('text', sa.String(length=200), nullable=True),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_search_queries')),
    sa.UniqueConstraint('key', name=op.f('uq_search_queries_key'))
    )
    op.create_table('search_counts',
    sa.Column('query_id', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('whole_month', sa.Boolean(), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.Column('hits', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['query_id'], ['search_queries.id'], name=op.f('fk_search_counts_query_id_search_queries'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('query_id', 'day', 'whole_month', name=op.f('pk_search_counts'))
    )


def downgrade() -> None:
    op.drop_table('search_counts')
    op.drop_table('search_queries')
