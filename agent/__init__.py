"""The runtime: configuration, models, action formats, the loop, strategies, and the command line that ties them."""

__version__ = "0.1.0"
