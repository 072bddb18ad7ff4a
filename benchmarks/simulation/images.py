"""Which layers a node has, and what it must fetch: the least recently used go when the room is used up."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence

from benchmarks.simulation.measured import Layer


class Cache:
    """The layers on a node.

    Args:
        room: MB for them. Layers in use stay, even if they take more.

    Attributes:
        used: MB that they take now.
        most: The most that they ever took.
    """

    def __init__(self, room: float) -> None:
        self.room = room
        self.used = self.most = 0.0
        self._there: OrderedDict[str, float] = OrderedDict()
        self._held: Counter[str] = Counter()

    def lacking(self, image: Sequence[Layer]) -> list[Layer]:
        """The layers of an image that are not there."""
        return [layer for layer in image if layer.name not in self._there]

    def hold(self, image: Sequence[Layer]) -> None:
        """Take an image into use: its layers stay from now on, also those that are yet to come."""
        for layer in reversed(image):  # what others are put on goes after them
            self._held[layer.name] += 1
            if layer.name in self._there:
                self._there.move_to_end(layer.name)

    def add(self, layers: Sequence[Layer]) -> None:
        """Layers have come; what is least used makes room."""
        for layer in reversed(layers):
            self._there[layer.name] = layer.mb
            self.used += layer.mb
        for name in self._to_go():
            self.used -= self._there.pop(name)
        self.most = max(self.most, self.used)

    def release(self, image: Sequence[Layer]) -> None:
        """An image is not used any more, once for each `hold`."""
        for layer in image:
            self._held[layer.name] -= 1
            if not self._held[layer.name]:
                del self._held[layer.name]

    def _to_go(self) -> list[str]:
        found, excess = [], self.used - self.room
        for name, mb in self._there.items():
            if excess <= 0:
                break
            if name not in self._held:
                found.append(name)
                excess -= mb
        return found


def images_of(measured: Sequence[Sequence[Layer]], tasks: int) -> list[list[Layer]]:
    """Images of so many tasks, which share layers as the measured ones do.

    Tasks beyond the measured number are of further repositories, of the same sizes: they share only the lowest layer.
    """
    found = []
    for number in range(tasks):
        again, place = divmod(number, len(measured))
        lowest, *others = measured[place]
        found.append([lowest, *(Layer(name=f"{layer.name}/{again}", mb=layer.mb) for layer in others)])
    return found
