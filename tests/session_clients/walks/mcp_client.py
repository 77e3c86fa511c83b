"""MCP's own Python client: `mcp`, over Streamable HTTP. Prints what it was told as one JSON object."""

import asyncio
import json
import os
import sys

import httpx
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client


def key_of(pool: str) -> str:
    """The key of the MCP server of the pool whose management endpoint that is."""
    place, _, path = pool.partition("/subscriptions/")
    path = path.replace("/sessionPools/", "/providers/Microsoft.App/sessionPools/")
    answer = httpx.post(
        f"{place}/subscriptions/{path}/fetchMCPServerCredentials",
        params={"api-version": "2025-10-02-preview"},
        headers={"Authorization": f"Bearer {os.environ['ACCESS_TOKEN']}"},
        timeout=60,
    )
    return answer.raise_for_status().json()["apiKey"]


async def main() -> None:
    pool = sys.argv[1]
    key = key_of(pool)
    async with (
        streamablehttp_client(f"{pool}/mcp", headers={"x-ms-apikey": key}) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        hello = await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        environment = (await session.call_tool("launchShell", {})).structuredContent["environmentId"]

        async def ran(tool: str, **arguments: object) -> dict:
            answer = await session.call_tool(tool, {"environmentId": environment, **arguments})
            return {**answer.structuredContent, "failed": answer.isError}

        python, shell = "runPythonCodeInRemoteEnvironment", "runShellCommandInRemoteEnvironment"
        seen = {
            "server": [hello.serverInfo.name, hello.protocolVersion],
            "tools": tools,
            "python": await ran(python, pythonCode="print('out')"),
            "shell": await ran(shell, shellCommand="echo out; echo err >&2; exit 3"),
            "words": await ran(shell, execCommandAndArgs=["printf", "%s", "a b"]),
        }
        await ran(shell, shellCommand="echo kept > /mnt/data/file")
        seen["kept"] = (await ran(shell, shellCommand="cat /mnt/data/file"))["stdout"]
        try:
            await session.call_tool(python, {"environmentId": "no", "pythonCode": "1"})
        except McpError as refused:
            seen["refused"] = "environmentId" in str(refused)
        await session.send_ping()
    print(json.dumps(seen))


asyncio.run(main())
