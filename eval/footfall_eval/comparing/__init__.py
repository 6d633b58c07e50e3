"""Arms held against each other: effects, intervals, and a verdict.

``compare`` is the way in; the sentence is made in ``verdict``, early stopping in ``stopping``.
"""
