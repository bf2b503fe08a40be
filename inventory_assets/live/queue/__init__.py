"""The queue of waiting parts: `claiming` takes the most urgent ones of lanes nobody else works on.

What is done with a part is not known here. Invariant: all parts of one item are in one lane, and one transaction at a
time holds a lane, so no two workers ever apply one item at once.
"""
