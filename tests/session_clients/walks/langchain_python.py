"""LangChain's Python tool: `langchain-azure-dynamic-sessions`. Prints what it was told as one JSON object."""

import json
import sys
from io import BytesIO

from langchain_azure_dynamic_sessions import SessionsPythonREPLTool

tool = SessionsPythonREPLTool(pool_management_endpoint=sys.argv[1], session_id=sys.argv[2])
answer = json.loads(tool.invoke("```python\nprint('hello')\nx = 6 * 7\nx\n```"))
state = json.loads(tool.invoke("x + 1"))
_, failed = tool._run("1 / 0")  # what `invoke` hides of the answer: the status
_, drawn = tool._run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()")
uploaded = tool.upload_file(data=BytesIO(b"a,b\n1,2\n"), remote_file_path="küche 1.csv")
read = json.loads(tool.invoke("open('/mnt/data/küche 1.csv').read()"))
tool.invoke("open('/mnt/data/out.bin', 'wb').write(bytes(range(256)))")
print(
    json.dumps(
        {
            "answer": answer,
            "state": state["result"],
            "failed": {"status": failed["status"], "zero": "ZeroDivisionError" in failed["stderr"]},
            "picture": {
                name: value if name != "base64_data" else value[:11] for name, value in drawn["result"].items()
            },
            "uploaded": [uploaded.filename, uploaded.size_in_bytes, uploaded.full_path],
            "read": read["result"],
            "listed": sorted([each.filename, each.size_in_bytes] for each in tool.list_files()),
            "downloaded": tool.download_file(remote_file_path="out.bin").read() == bytes(range(256)),
        }
    )
)
