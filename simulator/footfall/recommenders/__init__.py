"""Recommenders under test: what they look like, how they are built, what they did wrong."""

from footfall.recommenders.audit import AuditedRecommender, Faults, audited
from footfall.recommenders.building import build
from footfall.recommenders.protocol import Recommender, Request, Slate
from footfall.recommenders.specs import RecommenderSpec, parse_spec

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
