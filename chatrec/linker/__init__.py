"""What of a catalogue a message speaks of: ``Linker(catalog).link(text)``.

Nothing is learned: values, synonyms, titles and names come from the catalogue, so a new one is understood at once.
"""

from chatrec.linker.linker import Linker

__all__ = ["Linker"]
