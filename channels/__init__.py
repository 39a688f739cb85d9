"""Where people talk to the bot. Each channel hands Rasa a message and shows what the bot answers."""
