"""Simulated users: they want one item of a catalogue, never say its title, and talk to a bot until it lists it."""
