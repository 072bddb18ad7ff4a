"""Function-level sets: each problem becomes a tiny repository, a problem statement and a hidden test."""
