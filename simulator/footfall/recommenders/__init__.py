"""Recommenders under test: what they look like, how they are built, what they did wrong."""

from typing import TYPE_CHECKING

from footfall.plumbing.lazily import lazily

if TYPE_CHECKING:
    from footfall.recommenders.audit import AuditedRecommender, Faults, audited
    from footfall.recommenders.building import build
    from footfall.recommenders.protocol import Recommender, Request, Slate
    from footfall.recommenders.specs import RecommenderSpec, parse_spec
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "AuditedRecommender": "footfall.recommenders.audit",
            "Faults": "footfall.recommenders.audit",
            "Recommender": "footfall.recommenders.protocol",
            "RecommenderSpec": "footfall.recommenders.specs",
            "Request": "footfall.recommenders.protocol",
            "Slate": "footfall.recommenders.protocol",
            "audited": "footfall.recommenders.audit",
            "build": "footfall.recommenders.building",
            "parse_spec": "footfall.recommenders.specs",
        },
    )

__all__ = [
    "AuditedRecommender",
    "Faults",
    "Recommender",
    "RecommenderSpec",
    "Request",
    "Slate",
    "audited",
    "build",
    "parse_spec",
]
