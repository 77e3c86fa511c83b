"""LlamaIndex's tool. Prints what it was told as one JSON object."""

import json
import sys
import tempfile
from pathlib import Path

from llama_index.tools.azure_code_interpreter import AzureCodeInterpreterToolSpec

folder = Path(tempfile.mkdtemp())
(folder / "data.csv").write_text("a\n3\n4\n")
tool = AzureCodeInterpreterToolSpec(
    pool_management_endpoint=sys.argv[1], session_id=sys.argv[2], local_save_path=str(folder)
)
named = {each.metadata.name: each for each in tool.to_tool_list()}
(uploaded,) = tool.upload_file(local_file_path=str(folder / "data.csv"))
summed = named["code_interpreter"].call("import pandas\nint(pandas.read_csv('/mnt/data/data.csv').a.sum())")
drawn = tool.code_interpreter("import matplotlib.pyplot as plt\nplt.bar([1, 2], [3, 4])\nplt.show()")
print(
    json.dumps(
        {
            "tools": sorted(named),
            "uploaded": [uploaded.filename, uploaded.size_in_bytes, uploaded.file_full_path],
            "summed": summed.raw_output["properties"]["result"],
            "picture": drawn["properties"]["result"],
            "saved": [path.read_bytes()[1:4].decode() for path in folder.glob("*.png")],
            "listed": [each.filename for each in tool.list_files()],
            "downloaded": tool.download_file_to_local("/mnt/data/data.csv").read().decode(),
        }
    )
)
