"""People who are the same person: joined, or known not to be."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.add_column(sa.Column('joined_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('joined_rows', sa.JSON(), server_default='{}', nullable=False))
        batch_op.create_foreign_key(batch_op.f('fk_people_joined_id_people'), 'people', ['joined_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_people_joined_id'), ['joined_id'], unique=False)
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.add_column(sa.Column('duplicate_decision', sa.String(length=12), server_default='', nullable=False))
        batch_op.create_check_constraint(batch_op.f('ck_applications_duplicate_decision'), "duplicate_decision IN ('', 'not the same', 'joined')")


def downgrade() -> None:
    # Whoever was joined to somebody stays a person without applications.
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_applications_duplicate_decision'), type_='check')
        batch_op.drop_column('duplicate_decision')
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_people_joined_id'))
        batch_op.drop_constraint(batch_op.f('fk_people_joined_id_people'), type_='foreignkey')
        batch_op.drop_column('joined_rows')
        batch_op.drop_column('joined_id')
