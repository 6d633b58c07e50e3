"""From utilities to acts; arithmetic only.

Reading, clicking and buying are drawn in ``decisions``; the terms of the utility are named in
``specs`` and computed in ``features``.
"""
