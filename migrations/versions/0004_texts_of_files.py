"""The texts of attached files, for the search."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('file_texts',
    sa.Column('file_hash', sa.String(length=64), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('problem', sa.String(length=200), nullable=False),
    sa.PrimaryKeyConstraint('file_hash', name=op.f('pk_file_texts'))
    )


def downgrade() -> None:
    op.drop_table('file_texts')
