"""Read, clean and split real histories; one module a source.

``sources`` lists every kind and its reader: a new one is added there. ``cleaning`` is what all of
them pass.
"""
