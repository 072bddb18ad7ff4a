"""The parts of benchmarks/simulate.py."""
