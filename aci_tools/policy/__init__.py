"""What commands an agent may run, by a list of patterns on the commands of the parsed shell text.

A guide, not a fence: it tells an agent at once what cannot work, and a person what is worth a look. What a program does
it cannot know; the sandbox is what holds.
"""

from aci_tools.policy.policy import Judgement, Policy
from aci_tools.policy.rules import Rule, Verdict

__all__ = ["Judgement", "Policy", "Rule", "Verdict"]
