"""The parts of benchmarks/peers.py, and the peers' sides of the other benchmarks."""
