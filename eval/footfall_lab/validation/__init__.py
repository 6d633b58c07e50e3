"""Holds simulated users against real, held-out behaviour: prepares what ``validate`` judges.

scenario -> ground (who may learn from what) -> choice sets -> the blend and its rivals
    -> tables -> ``footfall_eval.blocks`` -> validity.json
"""
