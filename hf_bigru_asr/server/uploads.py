"""Bodies of requests to recordings: forms, bare bytes, and JSON with base64.

No name that a client gives becomes a path.
"""

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..audio.sources import Bytes, FileBytes, Source
from .refusals import FORM_REMEDY, RefusedError

__all__ = ["Upload", "read_bare_upload", "read_form"]

NAME = "upload"
"""What recordings are called in messages."""
FORM = "multipart/form-data"
MAX_FIELDS = 200
MAX_FIELD_BYTES = 1 << 16
MAX_IN_MEMORY = 1 << 20
"""Bytes of a recording that are kept in memory; more goes to a temporary file without a name."""


@dataclass(frozen=True)
class Upload:
    """A recording, and what was said about it.

    Args:
        source: The bytes.
        fields: The values of every field, in order.
    """

    source: Source
    fields: Mapping[str, list[str]] = field(default_factory=dict)


async def read_form(request: Request) -> Upload:
    """The file and the fields of a form.

    Raises:
        RefusedError: If it is no form, the part `file` is missing, empty or there more than once, or another part is a
            file.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != FORM:
        raise RefusedError(400, f"The content type is {kind[:100]!r}; {FORM_REMEDY}", param="file")
    form = await request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
    fields: dict[str, list[str]] = {}
    file: UploadFile | None = None
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            fields.setdefault(name, []).append(value)
        elif name == "file":
            file = value
        else:
            raise RefusedError(400, f"The part {name[:100]!r} is a file; the recording is the part file.", param=name)
    if file is None:
        is_text = "file" in fields
        hint = "has no file name, so that it is no file" if is_text else "is missing"
        raise RefusedError(400, f"The part file {hint}; send the recording: curl -F file=@talk.flac", param="file")
    return Upload(_source(FileBytes(file.file)), fields)


async def read_bare_upload(request: Request) -> Upload:
    """A recording that is the whole body, or JSON with it as base64 in `inputs` and with `parameters`.

    So `huggingface_hub.InferenceClient` sends it. The content type of bare bytes is not looked at.

    Raises:
        RefusedError: If there is no recording, or the JSON is of another form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _from_json(await request.body())
    file = cast(BinaryIO, tempfile.SpooledTemporaryFile(MAX_IN_MEMORY))  # noqa: SIM115 - its FileBytes closes it
    async for chunk in request.stream():
        file.write(chunk)
    return Upload(_source(FileBytes(file)))


def _from_json(body: bytes) -> Upload:
    try:
        values: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _wrong_json("it cannot be read") from error
    if not isinstance(values, dict):
        raise _wrong_json("it is no object")
    if other := values.keys() - {"inputs", "parameters"}:
        raise _wrong_json(f"{sorted(other)[0][:100]!r} is not known")
    inputs, parameters = values.get("inputs"), values.get("parameters") or {}
    if not isinstance(inputs, str):
        raise _wrong_json("inputs is no text" if "inputs" in values else "inputs is missing")
    if not isinstance(parameters, dict):
        raise _wrong_json("parameters is no object")
    try:
        content = base64.b64decode(inputs, validate=True)
    except ValueError as error:
        raise _wrong_json("inputs is no base64") from error
    return Upload(_source(content), {name: [_as_text(value)] for name, value in parameters.items()})


def _wrong_json(problem: str) -> RefusedError:
    example = '{"inputs": "BASE64", "parameters": {"return_timestamps": "word"}}'
    return RefusedError(400, f"The JSON is not of the form {example}: {problem}.", param="inputs")


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _source(data: Bytes) -> Source:
    if len(data) == 0:
        raise RefusedError(400, "The recording is empty (0 bytes); send one with sound in it.", param="file")
    return Source(NAME, data)
