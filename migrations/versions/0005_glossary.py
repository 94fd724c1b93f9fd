"""The glossary of search: terms that mean the same."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('search_glossary',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('concept', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(length=2), nullable=False),
    sa.Column('text', sa.String(length=80), nullable=False),
    sa.Column('folded', sa.String(length=80), nullable=False),
    sa.Column('removed', sa.Boolean(), nullable=False),
    sa.CheckConstraint("language IN ('en', 'es')", name=op.f('ck_search_glossary_language')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_search_glossary')),
    sa.UniqueConstraint('language', 'folded', name=op.f('uq_search_glossary_language_folded'))
    )


def downgrade() -> None:
    op.drop_table('search_glossary')
