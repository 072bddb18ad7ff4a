"""Shows trajectories to people: one page that needs nothing else, a live server of the same page, and plain text."""

from trajectories.inspector.collection import Attempt, Collection
from trajectories.inspector.page import static_page
from trajectories.inspector.server import serve
from trajectories.inspector.terminal import as_text

__all__ = ["Attempt", "Collection", "as_text", "serve", "static_page"]
