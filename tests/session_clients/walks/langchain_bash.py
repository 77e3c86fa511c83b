"""LangChain's shell tool on a Shell pool. Prints what it was told as one JSON object."""

import json
import sys
from io import BytesIO

from langchain_azure_dynamic_sessions import SessionsBashTool

tool = SessionsBashTool(pool_management_endpoint=sys.argv[1], session_id=sys.argv[2])
first = json.loads(tool.invoke("cd /tmp && echo out && echo err >&2"))
failed = json.loads(tool.invoke("ls /nowhere"))
uploaded = tool.upload_file(data=BytesIO(b"line\n"), remote_file_path="notes.txt")
read = json.loads(tool.invoke("cat /mnt/data/notes.txt"))
print(
    json.dumps(
        {
            "first": first,
            "failed": bool(failed["stderr"]),
            "uploaded": [uploaded.filename, uploaded.size_in_bytes],
            "read": read["stdout"],
            "listed": [each.filename for each in tool.list_files()],
            "downloaded": tool.download_file(remote_file_path="notes.txt").read().decode(),
        }
    )
)
