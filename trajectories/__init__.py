"""What happened: the events of an attempt, the log that keeps them, and what is computed from them."""

from trajectories.events import SCHEMA_VERSION, Event, Usage
from trajectories.log import EventLog, TrajectoryError, read_events

__all__ = ["SCHEMA_VERSION", "Event", "EventLog", "TrajectoryError", "Usage", "read_events"]
