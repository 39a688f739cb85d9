"""One file a command. Each has ``add(commands)``, which describes its arguments, and does its work in functions
``(arguments, Settings) -> exit code or None`` that import what is heavy when they run."""
