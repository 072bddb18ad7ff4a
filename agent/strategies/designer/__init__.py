"""Tests designed from the requirement before any fix, by a sub-agent that never sees the programmer's code.

After the test designer of AgentCoder (Huang et al., "AgentCoder: Multi-Agent-based Code Generation with Iterative
Testing and Optimisation", 2023), with a validation that is plain code: what does not hold on the base commit what it
promises is dropped.
"""

from agent.strategies.designer.design import design, designer_for, told
from agent.strategies.designer.evaluator import DesignedEvaluator
from agent.strategies.designer.suite import Suite

__all__ = ["DesignedEvaluator", "Suite", "design", "designer_for", "told"]
