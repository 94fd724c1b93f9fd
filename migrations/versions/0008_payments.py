"""The year that a payment pays for; reversals of payments; bank transfer and cash."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

METHODS = ('standing order', 'cheque', 'bank transfer', 'cash')


def upgrade() -> None:
    _set_methods(METHODS)
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.add_column(sa.Column('year', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('reverses_id', sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_payments_reverses_id_payments'), 'payments', ['reverses_id'], ['id'])
        batch_op.create_unique_constraint(batch_op.f('uq_payments_reverses_id'), ['reverses_id'])
    payments = sa.table('payments', sa.column('year'), sa.column('received_on', sa.Date()), sa.column('application_id'))
    applications = sa.table('applications', sa.column('id'), sa.column('tier'))
    # What was paid for a life membership pays for no single year.
    life = sa.exists().where(applications.c.id == payments.c.application_id, applications.c.tier == 'life')
    op.execute(payments.update().where(~life).values(year=sa.extract('year', payments.c.received_on)))


def downgrade() -> None:
    with op.batch_alter_table('payments', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_payments_reverses_id'), type_='unique')
        batch_op.drop_constraint(batch_op.f('fk_payments_reverses_id_payments'), type_='foreignkey')
        batch_op.drop_column('reverses_id')
        batch_op.drop_column('year')
    # The earlier schema knows two ways to pay; the payments themselves keep theirs.
    op.execute("UPDATE applications SET payment = 'cheque' WHERE payment IN ('bank transfer', 'cash')")
    _set_methods(METHODS[:2])


def _set_methods(methods: tuple[str, ...]) -> None:
    ways = ', '.join(f"'{method}'" for method in methods)
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_applications_payment'), type_='check')
        batch_op.create_check_constraint(batch_op.f('ck_applications_payment'), f"payment IN ({ways})")
