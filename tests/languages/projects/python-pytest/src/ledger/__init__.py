"""Amounts of money by day."""

from ledger.book import Book

__all__ = ["Book"]
