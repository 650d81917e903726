"""The page itself, with Gradio. Importing it switches off what Gradio reports."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..extras import needs_extra
from .chunks import ChunkTap, SoundChunks
from .handlers import DOWNLOADS, Handlers, View
from .recognition import DemoRecognizer
from .sessions import Sessions
from .texts import EXAMPLES, INTRODUCTION, TITLE, limits

# Read when it is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
try:
    import gradio as gr
except ImportError as error:
    raise ImportError(needs_extra("The page", "demo")) from error
from starlette.middleware import Middleware  # Gradio brings it

__all__ = ["build", "launch_options", "new_folder"]

MAX_UPLOAD = "2gb"
MAX_WAITING = 20
"""Transcriptions that wait for their turn."""
KEPT_S, LOOK_EVERY_S = 3600, 600
"""Uploads and downloads are deleted after an hour, and most of them when their page is closed."""
_FORMAT_NAMES = {"txt": "text", "srt": "SRT", "vtt": "WebVTT", "textgrid": "TextGrid", "json": "JSON"}
_CHUNKS = SoundChunks()
"""Of all pages of this process."""
_HERE = Path(__file__).parent
_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
_MONO_FONTS = ("ui-monospace", "Consolas", "monospace")


def new_folder() -> Path:
    """A folder for the files of the pages, which is also where Gradio puts uploads."""
    folder = Path(tempfile.mkdtemp(prefix="hf_bigru_asr-demo-"))
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    return folder


def launch_options(folder: Path) -> dict[str, Any]:
    """What `launch` of the page needs: its looks without fonts from elsewhere, and the folder that it may show.

    Args:
        folder: As [`new_folder`] gives it.
    """
    theme = gr.themes.Default(primary_hue="blue", neutral_hue="slate", font=_FONTS, font_mono=_MONO_FONTS).set(
        # The contrast that WCAG asks for, 4.5, which the theme's own colours do not have.
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_cancel_background_fill="*neutral_200",
        button_cancel_background_fill_dark="*neutral_600",
        button_cancel_background_fill_hover="*neutral_300",
        button_cancel_text_color="#8c1d18",
        button_cancel_text_color_dark="white",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
    )
    return {
        "theme": theme,
        "css": (_HERE / "page.css").read_text(encoding="utf-8"),
        "allowed_paths": [str(folder)],
        "max_file_size": MAX_UPLOAD,
        "share": False,
        "ssr_mode": False,
        "pwa": False,
        "enable_monitoring": False,
        "footer_links": [],
        "show_error": True,
        "app_kwargs": {"middleware": [Middleware(ChunkTap, chunks=_CHUNKS, folder=folder / "uploads")]},
    }


class _Page:
    """The components of the page, and what fills them."""

    def __init__(self, handlers: Handlers, folder: Path) -> None:
        self.handlers, self.sessions = handlers, Sessions(folder)
        has_model = handlers.shared.language_model is not None
        gr.Markdown(INTRODUCTION)
        with gr.Tab("File", id="file"):
            self.file = gr.File(label="Recording, or a film with sound", type="filepath", height=140, elem_id="file")
            with gr.Row():
                self.examples = [gr.Button(example.label, size="md") for example in EXAMPLES]
        with gr.Tab("Microphone", id="microphone"):
            self.microphone = gr.Audio(
                sources=["microphone"], streaming=True, type="filepath", label="Microphone", elem_id="microphone"
            )
        with gr.Row():
            self.with_model = gr.Checkbox(
                has_model,
                label="Language model",
                info="Fewer errors, a few times the work.",
                interactive=has_model,
                elem_id="language-model",
            )
            self.hotwords = gr.Textbox(
                "",  # without it the field is null until the browser has drawn it, and an upload can be earlier
                label="Hotwords",
                info="Names and phrases to expect, with commas between; Queequeg:9 has a weight of 9.",
                interactive=has_model,
                min_width=260,
                elem_id="hotwords",
            )
        with gr.Row():
            self.again = gr.Button("Transcribe again", variant="primary", elem_id="again")
            self.stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
        self.status = gr.HTML("", elem_id="status", js_on_load=_ANNOUNCED)
        script = (_HERE / "page.js").read_text(encoding="utf-8")
        self.words = gr.HTML("", elem_id="words", js_on_load=script)
        with gr.Row(elem_classes="downloads"):
            self.downloads = {
                name: gr.DownloadButton(f"Save {_FORMAT_NAMES[name]}", size="md", min_width=120, visible=False)
                for name in DOWNLOADS
            }
        with gr.Accordion("Waveform, spectrogram and characters", open=True, visible=False) as self.picture_part:
            self.start = gr.Slider(0, 1, 0, step=1, label="Shown from (seconds)", visible=False, elem_id="start")
            self.picture = gr.HTML("", elem_id="picture")
        with gr.Accordion(
            "Greedy beside the language model, other hypotheses", open=True, visible=False
        ) as self.comparison_part:
            self.comparison = gr.HTML("", elem_id="comparison")
        with gr.Accordion("What it cannot do", open=False):
            gr.Markdown(limits(handlers.shared.model, has_language_model=has_model))

    def connect(self, page: gr.Blocks) -> None:
        """Let the components do something."""
        options = [self.with_model, self.hotwords]
        shown = [
            self.status, self.words, self.picture_part, self.picture, self.start, self.comparison_part,
            self.comparison, self.stop, *self.downloads.values(),
        ]  # fmt: skip
        run: dict[str, Any] = {
            "outputs": shown, "concurrency_limit": 1, "concurrency_id": "recognition", "api_visibility": "private",
            "show_progress": "hidden",
        }  # fmt: skip
        quick: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
        self.file.upload(self._uploaded, [self.file, *options], **run)
        self.again.click(self._again, options, **run)
        for button, example in zip(self.examples, EXAMPLES, strict=True):
            button.click(self._shows(example.path), options, **run)
        self.microphone.stop_recording(self._recorded, options, **run)
        self.microphone.start_recording(self._recording, None, shown, **quick)
        # One at a time: chunks that pass each other would mix up the words.
        self.microphone.stream(
            self._heard, self.microphone, self.words, time_limit=None,
            concurrency_limit=1, api_visibility="private", show_progress="hidden",
        )  # fmt: skip
        self.stop.click(self._stopped, None, None, **quick)
        self.start.change(self._moved, self.start, self.picture, trigger_mode="always_last", **quick)
        page.unload(self._closed)

    def _uploaded(self, file: str | None, with_model: bool, hotwords: str, request: gr.Request) -> Iterator[Any]:
        yield from self._run(None if file is None else Path(file), with_model, hotwords, request)

    def _again(self, with_model: bool, hotwords: str, request: gr.Request) -> Iterator[Any]:
        yield from self._run(None, with_model, hotwords, request)

    def _shows(self, path: Path) -> Callable[..., Iterator[Any]]:
        """A function that transcribes an example. Gradio miscounts the arguments of a `partial`."""

        def example(with_model: bool, hotwords: str, request: gr.Request) -> Iterator[Any]:
            yield from self._run(path, with_model, hotwords, request)

        return example

    def _run(self, source: Path | None, with_model: bool, hotwords: str, request: gr.Request) -> Iterator[Any]:
        session = self.sessions.of(request.session_hash)
        for view in self.handlers.transcribe(session, source, with_model, hotwords):
            yield self._updates(view)

    def _recording(self, request: gr.Request) -> Any:  # noqa: ANN401 - updates of Gradio
        return self._updates(self.handlers.begin_recording(self.sessions.of(request.session_hash)))

    def _heard(self, chunk: str | None, request: gr.Request) -> Any:  # noqa: ANN401 - updates of Gradio
        """Gradio sends a WAV file ten times a second; its `stream_every` is for pictures alone."""
        is_first = self.sessions.of(request.session_hash).live is None
        is_new = chunk is not None and (is_first or not _CHUNKS.is_noted(request.session_hash or ""))
        text = self._add_waiting(request, Path(chunk) if is_new and chunk is not None else None)
        return gr.skip() if text is None else text

    def _add_waiting(self, request: gr.Request, first: Path | None = None) -> str | None:
        """Add the sound that has come, and return the words so far; `None` without sound."""
        session, text = self.sessions.of(request.session_hash), None
        for rate, samples in _CHUNKS.take_waiting(request.session_hash or "", first):
            text = self.handlers.add_recording(session, rate, samples)
        return text

    def _recorded(self, with_model: bool, hotwords: str, request: gr.Request) -> Iterator[Any]:
        session = self.sessions.of(request.session_hash)
        if session.live is not None:
            self._add_waiting(request)
        for view in self.handlers.end_recording(session, with_model, hotwords):
            yield self._updates(view)

    def _stopped(self, request: gr.Request) -> None:
        self.handlers.stop(self.sessions.of(request.session_hash))

    def _moved(self, start_s: float, request: gr.Request) -> str:
        return self.handlers.picture(self.sessions.of(request.session_hash), start_s)

    def _closed(self, request: gr.Request) -> None:
        self.sessions.close(request.session_hash)
        _CHUNKS.forget(request.session_hash or "")

    def _updates(self, view: View) -> dict[Any, Any]:
        """What Gradio takes for a view."""
        updates: dict[Any, Any] = {self.status: view.status, self.stop: gr.Button(interactive=view.is_running)}
        if view.words is not None:
            updates[self.words] = view.words
        if view.picture is not None:
            updates |= {self.picture: view.picture, self.picture_part: gr.Accordion(visible=bool(view.picture))}
        if view.comparison is not None:
            updates |= {
                self.comparison: view.comparison,
                self.comparison_part: gr.Accordion(visible=bool(view.comparison)),
            }
        if view.last_start_s is not None:
            is_long = view.last_start_s >= 1
            updates[self.start] = gr.Slider(maximum=max(int(view.last_start_s), 1), value=0, visible=is_long)
        if view.downloads is not None:
            for name, button in self.downloads.items():
                path = view.downloads.get(name)
                updates[button] = gr.DownloadButton(value=path, visible=path is not None)
        return updates


_ANNOUNCED = "element.setAttribute('role', 'status'); element.setAttribute('aria-live', 'polite');"
"""Script that lets screen readers say what changes in a component."""


def build(shared: DemoRecognizer, folder: Path) -> gr.Blocks:
    """The page.

    Args:
        shared: Recognises.
        folder: As [`new_folder`] gives it.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(LOOK_EVERY_S, KEPT_S)) as page:
        _Page(Handlers(shared), folder).connect(page)
    return page.queue(max_size=MAX_WAITING)
