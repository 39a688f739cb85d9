"""For conversation designers: what is wrong with what they edit, and a picture of what there is (``make designer``)."""
