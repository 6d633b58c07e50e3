"""Runs to look at while they go on and when they are done: a local web application.

It reads run folders only, and never dials, starts or changes anything.
"""
