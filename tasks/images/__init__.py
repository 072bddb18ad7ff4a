"""The computers of tasks: images in content-addressed layers, shared between tasks, made when they are needed.

An environment's layers are base → environment (the install commands that need no repository) → repository (at the base
commit, with the remaining commands).
"""

from __future__ import annotations

from tasks.images.computers import Computers
from tasks.images.fault import BrokenImage
from tasks.images.settings import ComputerSettings, Ready

__all__ = ["BrokenImage", "ComputerSettings", "Computers", "Ready"]
