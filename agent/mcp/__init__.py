"""The tools of the agent-computer interface for other agents, over the Model Context Protocol."""

from agent.mcp.run import McpRequest, serve_tools

__all__ = ["McpRequest", "serve_tools"]
