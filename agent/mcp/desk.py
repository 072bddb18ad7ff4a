"""Carries out the calls of clients as an attempt does: by the same tools, and recorded as a trajectory."""

from __future__ import annotations

import json
import time

from aci_tools.errors import SandboxError
from aci_tools.session import Session
from aci_tools.tools.base import SANDBOX_LOST, WITHDRAWN, Observation, Tool
from aci_tools.tools.calls import CallError, build
from agent.formats import Tools
from agent.loop import Listener
from agent.mcp.deliver import Deliver
from agent.mcp.relay import Answer, Relay, Request, Withdrawn
from agent.status import Status
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
)
from trajectories.log import EventLog

_TAKEN_BACK = "The client took the call back, and what it was doing was ended half-way."


class Desk:
    """Where calls are carried out, one after the other.

    Args:
        started: The first event of the trajectory.
        session: The computer.
        tools: What may be called.
        relay: Where the calls come from.
        log: Where events go.
        listener: Told of every event.
        deliver: What becomes of a submitted patch.
    """

    def __init__(
        self,
        started: AttemptStarted,
        session: Session,
        tools: Tools,
        relay: Relay,
        log: EventLog,
        listener: Listener,
        deliver: Deliver,
    ) -> None:
        self.session = session
        self._tools, self._relay, self._log, self._listener, self._deliver = tools, relay, log, listener, deliver
        self._steps = 0
        self._submitted = False
        self._began = time.monotonic()
        self._record(started)

    def answer(self, request: Request) -> Answer:
        """Carry out a call.

        Raises:
            SandboxError: The sandbox is lost for good; the client is told so.
        """
        self._steps += 1
        call = Call(id=f"call_{self._steps}", name=request.name, arguments=request.arguments)
        written = {"id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)}
        self._record(
            ModelReplied(step=self._steps, tool_calls=[written], finish_reason="tool_calls", model=request.client)
        )
        try:
            tool = build(call.name, call.arguments, self._tools)
        except CallError as error:
            self._record(
                Message(role="user", purpose="correction", content=error.text, code=error.code, step=self._steps)
            )
            return Answer(error.text, ok=False, code=error.code)
        self._record(ActionTaken(step=self._steps, call=call))
        try:
            observation = self._carry_out(call, tool, request)
        except SandboxError as error:
            request.answer.set_result(Answer(f"The sandbox is lost: {error}", ok=False, code=SANDBOX_LOST))
            raise
        if not observation.done:
            return Answer(observation.text, observation.ok, observation.code)
        return self._submit(observation)

    def end(self) -> AttemptEnded:
        """Record how it ended, with the patch as it is then."""
        status, detail = (Status.SUBMITTED if self._submitted else Status.INTERRUPTED), ""
        try:
            patch = self.session.latest_patch()
        except SandboxError as error:
            status, detail, patch = Status.SANDBOX_LOST, str(error), self.session.patch_so_far or ""
        self._deliver.write(patch)
        ended = AttemptEnded(
            status=status,
            detail=detail,
            patch=patch,
            steps=self._steps,
            duration=time.monotonic() - self._began,
        )
        self._record(ended)
        return ended

    def _carry_out(self, call: Call, tool: Tool, request: Request) -> Observation:
        session = self.session
        before, began = session.fingerprint, time.monotonic()
        try:
            with self._relay.interruptible(request):
                observation = session.execute(tool)
        except Withdrawn:
            session.latest_patch()
            observation = Observation(_TAKEN_BACK, ok=False, code=WITHDRAWN)
        changed = session.fingerprint != before
        self._record(
            Observed(
                step=self._steps,
                call_id=call.id,
                text=observation.text,
                ok=observation.ok,
                code=observation.code,
                data=dict(observation.data),
                duration=time.monotonic() - began,
                changed=changed,
                done=observation.done,
            )
        )
        if changed:
            self._submitted = False
            self._record(PatchChanged(step=self._steps, patch=session.patch_so_far or ""))
        return observation

    def _submit(self, observation: Observation) -> Answer:
        """What is submitted is handed over at once; the session goes on, and a review starts anew."""
        self._submitted, self.session.reviewed = True, None
        patch = self.session.patch_so_far or ""
        said = self._deliver(self.session, patch)
        return Answer(f"{observation.text} {said}".strip(), patch=patch)

    def _record(self, event: Event) -> None:
        self._listener(self._log.append(event))
