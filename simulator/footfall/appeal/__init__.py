"""Appeal: how the wording of an item changes whether it is taken, learned from past tests."""

from footfall.appeal.folder import read_appeal, write_appeal
from footfall.appeal.model import Appeal, Noises, Voice
from footfall.appeal.ranking import Ranked, Ranking, rank

__all__ = [
    "Appeal",
    "Noises",
    "Ranked",
    "Ranking",
    "Voice",
    "rank",
    "read_appeal",
    "write_appeal",
]
