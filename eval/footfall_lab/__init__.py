"""The lab: simulated users held against real data, and models taught by it.

It stands above ``footfall`` and ``footfall_eval``; neither of them knows it.
"""
