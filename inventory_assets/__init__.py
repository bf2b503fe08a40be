"""Retail inventory: batch truth and live state that provably agree."""

__version__ = "0.1.0"
