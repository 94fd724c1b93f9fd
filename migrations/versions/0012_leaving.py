"""Who resigned or died, and when."""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.add_column(sa.Column('left_reason', sa.String(length=10), server_default='', nullable=False))
        batch_op.add_column(sa.Column('left_on', sa.Date(), nullable=True))
        batch_op.create_check_constraint(batch_op.f('ck_people_left_reason'), "left_reason IN ('', 'resigned', 'died')")


def downgrade() -> None:
    with op.batch_alter_table('people', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_people_left_reason'), type_='check')
        batch_op.drop_column('left_on')
        batch_op.drop_column('left_reason')
