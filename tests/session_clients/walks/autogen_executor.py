"""AutoGen's executor, which asks the session for its packages first. Prints what it was told as one JSON object."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.azure import ACADynamicSessionsCodeExecutor
from azure.identity import DefaultAzureCredential


def double(x: int) -> int:
    """Return twice a number."""
    return 2 * x


async def walk(endpoint: str, session: str) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp())
    (folder / "data.txt").write_text("abc")
    executor = ACADynamicSessionsCodeExecutor(
        endpoint, DefaultAzureCredential(), work_dir=folder, functions=[double], session_id=session
    )
    token = CancellationToken()
    await executor.start()
    ran = await executor.execute_code_blocks(
        [CodeBlock("print(double(21))", "python"), CodeBlock("open('made.txt', 'w').write('made') and None", "python")],
        token,
    )
    failed = await executor.execute_code_blocks([CodeBlock("raise ValueError('no')", "python")], token)
    await executor.upload_files(["data.txt"], token)
    read = await executor.execute_code_blocks([CodeBlock("print(open('data.txt').read())", "python")], token)
    listed = await executor.get_file_list(token)
    (downloaded,) = await executor.download_files(["made.txt"], token)
    packages = await executor.get_available_packages(token)
    await executor.stop()
    return {
        "ran": [ran.exit_code, ran.output],
        "failed": [failed.exit_code, "ValueError: no" in failed.output],
        "read": read.output,
        "listed": sorted(listed),
        "downloaded": Path(downloaded).read_text(),
        "packages": sorted({"numpy", "pandas", "matplotlib"} & packages),
    }


print(json.dumps(asyncio.run(walk(*sys.argv[1:]))))
