"""Runtime feedback: what one function did, block by block, when a test failed.

After LDB (Zhong, Wang and Shang, 2024, "Debug like a Human: A Large Language Model Debugger via Verifying Runtime
Execution Step by Step"): the function is split into basic blocks, and the model sees the values of the variables before
and after each execution of a block, at most the first and the last five of them.
"""

from aci_tools.tracing.trace import DEADLINE, Trace, trace
from aci_tools.tracing.watch import Subject

__all__ = ["DEADLINE", "Subject", "Trace", "trace"]
