"""The schema's history, one file a step. Run by ``Database.migrate``."""
