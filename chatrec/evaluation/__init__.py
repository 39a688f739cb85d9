"""How well the engine does its work, measured on data that the project does not bring along."""
