-- Rasa's trackers live apart from the store: both have a table `events`.
CREATE DATABASE rasa;
