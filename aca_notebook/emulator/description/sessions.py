"""What the data plane of session pools answers: both generations, by operation id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_notebook.emulator.arm.values import member, text, whole
from aca_notebook.emulator.description.promises import EMPTY, GONE, REFUSAL, Answer
from aca_notebook.emulator.description.schemas import anything, number

if TYPE_CHECKING:
    from aca_notebook.emulator.arm.shapes import Shape
    from aca_notebook.emulator.description.promises import Answers


_OLD_FILE: dict[str, Shape] = {"$id!": text, "filename!": text, "size!": whole, "lastModifiedTime!": text}
_FILE: dict[str, Shape] = {
    "$id": text, "name!": text, "type": text, "contentType": text, "sizeInBytes!": whole, "lastModifiedAt!": text,
}  # fmt: skip
_EXECUTION: Shape = {
    "$id!": text, "id!": text, "identifier!": text, "executionType!": text, "status!": text,
    "result": {"$id!": text, "stdout!": text, "stderr!": text, "executionResult!": anything,
               "executionTimeInMilliseconds!": number},
}  # fmt: skip
_SESSION: Shape = {
    "$id": text, "identifier!": text, "etag": text, "createdAt!": text, "lastAccessedAt!": text, "expireAt": text,
    "expiresAt": text,
}  # fmt: skip
_NONE_TO_BE_HAD: Answers = {501: REFUSAL, 503: REFUSAL}
_OLD_EXECUTION: Shape = {
    "$id!": text,
    "properties!": {
        "$id!": text, "status!": text, "stdout!": text, "stderr!": text, "result!": anything,
        "executionTimeInMilliseconds!": number,
    },
}  # fmt: skip
_UPLOADED: Shape = {"$id!": text, "value": [{"$id!": text, "properties!": _OLD_FILE}], **_FILE, "name": text,
                    "sizeInBytes": whole, "lastModifiedAt": text}  # fmt: skip

SESSIONS: dict[str, Answers] = {
    "Sessions_ExecuteCode": {200: Answer(_OLD_EXECUTION)} | _NONE_TO_BE_HAD,
    "Sessions_ExecutePython": {200: Answer(_OLD_EXECUTION)} | _NONE_TO_BE_HAD,
    "Sessions_Execute": {200: Answer(), 202: Answer(_EXECUTION)} | _NONE_TO_BE_HAD,
    "Sessions_GetExecution": {200: Answer(_EXECUTION)},
    "Sessions_CancelExecution": {202: Answer(_EXECUTION)},
    "Sessions_UploadFile": {200: Answer(_UPLOADED)} | _NONE_TO_BE_HAD,
    "Sessions_CreateFile": {200: Answer(_UPLOADED)} | _NONE_TO_BE_HAD,
    "Sessions_ListFiles": {200: Answer({"$id!": text, "value!": [member]})} | _NONE_TO_BE_HAD,
    "Sessions_GetFile": EMPTY | _NONE_TO_BE_HAD,
    "Sessions_DeleteFile": GONE | _NONE_TO_BE_HAD,
    "Sessions_Get": {200: Answer(_SESSION)},
    "Sessions_Delete": GONE,
    "Sessions_List": {200: Answer({"$id!": text, "sessions!": [_SESSION], "nextLink": text})},
    "Sessions_Metadata": {200: Answer({"containerType!": text, "isolation!": member, "instances!": member})},
    "Sessions_ManagementGet": {200: Answer(_SESSION)},
    "Sessions_ManagementList": {200: Answer({"value!": [_SESSION], "count!": whole, "nextLink": text})},
    "Sessions_ManagementStop": EMPTY,
    "SessionMcp_Post": {200: Answer(), 202: Answer(), 400: Answer()},
}
