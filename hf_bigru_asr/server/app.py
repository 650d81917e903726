"""The application: its routes, and what is done for each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from .. import __version__
from ..formats.options import FormatOptions
from .access import AccessRules, Gate
from .engine import Engine
from .limits import ServerLimits
from .live import LiveSessions
from .metrics import CONTENT_TYPE, ServerMetrics
from .questions import Question, chunks_question, transcription_question
from .refusals import RefusedError, refusal_of, refused_response
from .service import Service
from .uploads import Upload, read_bare_upload, read_form

__all__ = ["MODEL_NAMES", "PATHS", "ServerOptions", "make_app"]

MODEL_NAMES = ("hf-bigru-asr", "whisper-1")
"""Names that requests may give for the model. The second one is built into many programs."""

TRANSCRIPTIONS, MODELS, LISTEN, HEALTH, METRICS = (
    "/v1/audio/transcriptions",
    "/v1/models",
    "/v1/audio/listen",
    "/health",
    "/metrics",
)
BASES = ("/", "/v1")
"""Addresses that `huggingface_hub.InferenceClient` may be given; it posts to them themselves."""
PATHS = (TRANSCRIPTIONS, MODELS, LISTEN, HEALTH, METRICS, *BASES)


@dataclass(frozen=True)
class ServerOptions:
    """How a server answers.

    Args:
        limits: What a request may cost.
        rules: Who may ask.
        written: How texts are written.
        models: Names of the model.
    """

    limits: ServerLimits = field(default_factory=ServerLimits)
    rules: AccessRules = field(default_factory=AccessRules)
    written: FormatOptions = field(default_factory=FormatOptions)
    models: Sequence[str] = MODEL_NAMES


def make_app(engine: Engine, live: LiveSessions, metrics: ServerMetrics, options: ServerOptions) -> FastAPI:
    """The application, for uvicorn or another ASGI server.

    Args:
        engine: Transcribes.
        live: Serves WebSockets.
        metrics: Counts.
        options: How it answers.
    """
    app = FastAPI(title="hf-bigru-asr", version=__version__, docs_url=None, redoc_url=None)  # their pages load scripts
    metrics.watch_active(lambda: engine.num_active)
    service = Service(engine, metrics, options.limits, options.written)
    created = int(time.time())

    @app.post(TRANSCRIPTIONS)
    async def transcriptions(request: Request) -> Response:
        return await service.transcribe(request, read_form, lambda upload: _question(upload, engine, options.models))

    @app.post("/v1")
    @app.post("/")
    async def base(request: Request) -> Response:
        return await service.transcribe(request, read_bare_upload, lambda upload: chunks_question(upload.fields))

    @app.get(MODELS)
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(name, created) for name in options.models]}

    @app.get(MODELS + "/{name}")
    async def model(name: str) -> dict[str, Any]:
        if name not in options.models:
            message = f"The model {name[:100]!r} is not served; there is {' or '.join(options.models)}."
            raise RefusedError(404, message, code="model_not_found", param="model")
        return _model(name, created)

    @app.get(HEALTH)
    async def health() -> dict[str, Any]:
        return {"status": "ok", "version": __version__, "transcriptions": engine.num_active}

    @app.get(METRICS)
    async def numbers() -> Response:
        return Response(metrics.as_text(), media_type=CONTENT_TYPE)

    @app.websocket(LISTEN)
    async def listen(socket: WebSocket) -> None:
        await live.serve(socket)

    @app.exception_handler(Exception)
    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: Exception) -> Response:
        return refused_response(refusal_of(error))

    app.add_middleware(Gate, rules=options.rules, max_bytes=options.limits.max_bytes, metrics=metrics, paths=PATHS)
    if options.rules.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=options.rules.origins, allow_methods=["*"], allow_headers=["*"]
        )
    return app


def _question(upload: Upload, engine: Engine, models: Sequence[str]) -> Question:
    steps = engine.steps
    return transcription_question(
        upload.fields, models, takes_hotwords=steps.takes_hotwords, normalize=steps.normalize
    )


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "hf-bigru-asr"}
