"""The package azure-dynamic-sessions-code-interpreter. Prints what it was told as one JSON object."""

import json
import sys
from io import BytesIO

from azure_dynamic_sessions_code_interpreter import CodeInterpreterTool

tool = CodeInterpreterTool(pool_management_endpoint=sys.argv[1], session_id=sys.argv[2])
answer = tool.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n[1, 2]")
uploaded = tool.upload_file(data=BytesIO(b"abc"), remote_file_path="a.txt")
tool.execute("open('/mnt/data/b.txt', 'w').write(open('/mnt/data/a.txt').read().upper())")
print(
    json.dumps(
        {
            "answer": {name: answer[name] for name in ("status", "stdout", "stderr", "result")},
            "uploaded": [uploaded.filename, uploaded.size_in_bytes],
            "listed": sorted(each.filename for each in tool.list_files()),
            "downloaded": tool.download_file(remote_file_path="b.txt").read().decode(),
        }
    )
)
