"""One module for each program that is measured; what it must have is in :mod:`benchmarks.peers.adapter`."""
