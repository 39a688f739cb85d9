"""A conversational recommender engine: query → candidates → rank → explain.

Knows nothing about Rasa or chat platforms. Start at :func:`chatrec.bootstrap.build`.
"""
