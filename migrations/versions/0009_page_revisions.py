"""Standing pages and appeals: status, version and revisions."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

STATUS = "status IN ('draft', 'published', 'withdrawn')"


def upgrade() -> None:
    for table, owner in (('pages', 'page'), ('appeals', 'appeal')):
        with op.batch_alter_table(table) as batch:
            # What is there is public, and becomes its first revision with its first change.
            batch.add_column(sa.Column('status', sa.String(length=20), server_default='published', nullable=False))
            batch.add_column(sa.Column('version', sa.Integer(), server_default='1', nullable=False))
            batch.create_check_constraint(op.f(f'ck_{table}_status'), STATUS)
        op.create_table(f'{owner}_revisions',
        sa.Column(f'{owner}_id', sa.Integer(), nullable=False),
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('what', sa.String(length=20), nullable=False),
        sa.Column('saved_at', sa.DateTime(), nullable=False),
        sa.Column('saved_by', sa.String(length=120), nullable=False),
        sa.Column('snapshot', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint([f'{owner}_id'], [f'{table}.id'], name=op.f(f'fk_{owner}_revisions_{owner}_id_{table}'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{owner}_revisions')),
        sa.UniqueConstraint(f'{owner}_id', 'number', name=op.f(f'uq_{owner}_revisions_{owner}_id_number'))
        )


def downgrade() -> None:
    for table, owner in (('pages', 'page'), ('appeals', 'appeal')):
        op.drop_table(f'{owner}_revisions')
        # The code of before shows every row to readers.
        op.execute(f"DELETE FROM {table} WHERE status <> 'published'")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f'ck_{table}_status'), type_='check')
            batch.drop_column('version')
            batch.drop_column('status')
