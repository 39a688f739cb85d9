"""What the bot does. One file per kind of action; each reads the tracker, asks the engine and answers.

``turn.py`` is the way in and out: ``respond`` turns a tracker into an ``Incoming``, runs a plain function
``(Engine, Incoming) -> Reply`` in a thread, and sends the reply.
"""
