"""What Alembic runs: the steps, in the transaction that ``Database.migrate`` has opened and locked."""

from alembic import context

from chatrec.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
