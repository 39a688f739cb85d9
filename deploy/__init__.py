"""How the parts are started and put into service."""
