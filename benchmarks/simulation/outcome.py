"""What came of a simulated run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.simulation.measured import Call
from benchmarks.simulation.setup import Setup

#: Share of the time from which on something counts as used up.
FULL = 0.8
#: Refusals for each accepted call from which on the provider is what limits a run, even if much of it is idle.
REFUSED = 0.1


@dataclass
class Use:
    """What was used.

    Attributes:
        done: Tasks whose attempts ended.
        calls: Calls that were answered.
        prompt, cached, completion: Their tokens.
        slots: Seconds in which slots were taken, summed over slots; so are the next ones over what they are of.
        cpu: Of cores.
        process: Of the one process of a machine.
        network: Of nodes' links.
        pulled: MB of layers, unpacked, that came from the registry.
    """

    done: int = 0
    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    slots: float = 0.0
    cpu: float = 0.0
    process: float = 0.0
    network: float = 0.0
    pulled: float = 0.0

    def called(self, call: Call) -> None:
        """A call was answered."""
        self.calls += 1
        self.prompt += call.prompt
        self.cached += call.cached
        self.completion += call.completion


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        seconds: Time from its beginning to its end.
        use: What it used.
        failed: Attempts that the provider's refusals ended, after all tries.
        accepted, refused: Requests to the provider.
        disk: MB of layers on the node with most, at its peak.
        shares: How much of the time each part was used.
        model_cost, node_cost: US dollars.
    """

    seconds: float
    use: Use
    failed: int
    accepted: int
    refused: int
    disk: float
    shares: dict[str, float]
    model_cost: float
    node_cost: float

    @property
    def bottleneck(self) -> str:
        """What more of would make the run quicker: the first of these that is used up, else the longest attempts."""
        if self.refused > REFUSED * self.accepted:
            return "provider"
        return next((name for name, share in self.shares.items() if share >= FULL), "last attempts")

    @classmethod
    def of(
        cls, setup: Setup, use: Use, *, seconds: float, failed: int, accepted: int, refused: int, disk: float,
        streams: int, driver: float, hub: float,
    ) -> Outcome:  # fmt: skip
        """From what was used."""
        node, limits, prices = setup.node, setup.limits, setup.prices
        fresh = use.prompt - use.cached
        allowed = {"tokens": fresh + use.completion, "requests": use.calls}
        provider = max(
            (used / (limit / 60 * seconds) for name, used in allowed.items()
             if not math.isinf(limit := getattr(limits, name))),
            default=0.0,
        )  # fmt: skip
        shares = {
            "provider": provider,
            "driver": driver / seconds,
            "hub": hub / seconds,
            "process": use.process / seconds / setup.nodes,
            "cpu": use.cpu / seconds / setup.nodes / node.cores,
            "registry": use.network / seconds / streams,
            "network": use.network / seconds / setup.nodes,
            "slots": use.slots / seconds / setup.nodes / node.slots,
        }
        return cls(
            seconds, use, failed, accepted, refused, disk, shares,
            model_cost=(fresh * prices.fresh + use.cached * prices.cached + use.completion * prices.written) / 1e6,
            node_cost=setup.nodes * node.price * seconds / 3600,
        )  # fmt: skip
