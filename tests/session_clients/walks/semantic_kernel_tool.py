"""Semantic Kernel's plug-in, which asks for a token of another audience. Prints what it was told as one JSON object."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from azure.identity import DefaultAzureCredential
from semantic_kernel import Kernel
from semantic_kernel.core_plugins.sessions_python_tool.sessions_python_plugin import SessionsPythonTool
from semantic_kernel.core_plugins.sessions_python_tool.sessions_python_settings import SessionsPythonSettings


async def walk(endpoint: str, session: str) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp())
    (folder / "data.txt").write_text("abc")
    tool = SessionsPythonTool(
        pool_management_endpoint=endpoint, credential=DefaultAzureCredential(),
        settings=SessionsPythonSettings(identifier=session), enable_dangerous_file_uploads=True,
        allowed_upload_directories=[str(folder)],
    )  # fmt: skip
    # The upload first: after an execution this tool's own client sends every body as JSON.
    uploaded = await tool.upload_file(local_file_path=str(folder / "data.txt"))
    kernel = Kernel()
    kernel.add_plugin(tool, "sessions")
    ran = await kernel.invoke(
        plugin_name="sessions", function_name="execute_code", code="print(open('/mnt/data/data.txt').read())\n6 * 7"
    )
    downloaded = await tool.download_file(remote_file_name="data.txt")
    return {
        "ran": str(ran),
        "uploaded": [uploaded.filename, uploaded.size_in_bytes, uploaded.full_path],
        "listed": [each.filename for each in await tool.list_files()],
        "downloaded": downloaded.read().decode(),
    }


print(json.dumps(asyncio.run(walk(*sys.argv[1:]))))
