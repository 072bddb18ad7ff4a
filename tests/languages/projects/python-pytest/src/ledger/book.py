"""A book of entries, kept in the order of their days."""

from sortedcontainers import SortedDict


class Book:
    """Amounts by day, a day being an ISO date."""

    def __init__(self):
        self._days = SortedDict()

    def enter(self, day, amount):
        """Add an amount to a day."""
        self._days[day] = self._days.get(day, 0) + amount

    def balance(self, day=None):
        """The sum of everything up to and including a day, or of all days."""
        if day is None:
            return sum(self._days.values())
        return sum(self._days[each] for each in self._days.irange(maximum=day, inclusive=(True, False)))

    def days(self):
        """The days that have entries, the earliest first."""
        return list(self._days)
