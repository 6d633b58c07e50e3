"""Appeal: how the wording of an item changes whether it is taken, learned from past tests."""
