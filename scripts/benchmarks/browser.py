"""The page that transcribes in the browser without a server, against the package: texts, errors and speed.

    (cd demo/static && npm ci && npm run build)
    python scripts/benchmarks/browser.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
        --every 45 --output outputs/browser.json

A headless Chromium opens what was built, and transcribes FLAC files one after another in its worker, with and without
the language model. Then it transcribes one long recording, which goes through its network in windows. The package
recognises the same files in one pass. Speeds count the processor's time of all of Chromium's processes.

It needs Chromium and playwright, and Linux.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
if str(REPOSITORY / "scripts") not in sys.path:
    sys.path.append(str(REPOSITORY / "scripts"))

from benchmarks.files import read_split, repeat_recordings, write_files
from benchmarks.report import write_report
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.metrics import word_error_counts
from hf_bigru_asr.provenance import note_start
from hf_bigru_asr.runtime.recognizer import OnnxRecognizer

RATE = 16_000
DECODERS = {"greedy": None, "language model": "own"}
PRESET = "fast"
LOADING = """async () => {
    const { RecognizerClient } = await import("/src/recognizer_client.js");
    const { decodeSound } = await import("/src/sound.js");
    const client = new RecognizerClient();
    const start = performance.now();
    await client.load(() => {});
    window.transcribed = async (address, usesLanguageModel) => {
        const samples = await decodeSound(await (await fetch(address)).arrayBuffer());
        const words = await client.transcribe(samples, usesLanguageModel, new AbortController().signal, () => {});
        return words.map((word) => word.text).join(" ");
    };
    return (performance.now() - start) / 1000;
}"""


@dataclass
class Arguments:
    """What to measure."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(default="validation", metadata={"help": "Split whose recordings are transcribed."})
    every: int = field(default=45, metadata={"help": "Take every n-th utterance."})
    page: Path = field(
        default=REPOSITORY / "demo" / "static" / "dist", metadata={"help": "The page, as it was built."}
    )
    long_s: float = field(default=600.0, metadata={"help": "Seconds of the long recording, the utterances joined."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the figures to."})


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """The page in a browser, served from a folder."""
    from playwright.sync_api import sync_playwright

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/style.css")  # nothing but the measured worker runs
            yield page
            browser.close()
        server.shutdown()


def browser_cpu_s() -> float:
    """Processor's time of the processes of Chromium that this process started, in seconds."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except OSError:  # it has ended
            continue
        values = rest.split()
        parents[int(path.parent.name)] = int(values[1])
        ticks[int(path.parent.name)] = (name, sum(map(int, values[11:15])))
    total = 0
    for process, (name, used) in ticks.items():
        ancestor = process
        while ancestor in parents and ancestor != os.getpid():
            ancestor = parents[ancestor]
        if ancestor == os.getpid() and name.startswith("chrom"):
            total += used
    return total / os.sysconf("SC_CLK_TCK")


def transcribed(page: Any, names: Sequence[str], decoder: str) -> dict[str, Any]:  # noqa: ANN401 - a page
    """Texts of files that the page can ask for, with the seconds that they took."""
    start_s, start_cpu_s = time.perf_counter(), browser_cpu_s()
    uses_language_model = DECODERS[decoder] is not None
    texts = [page.evaluate("([name, uses]) => transcribed(name, uses)", [name, uses_language_model]) for name in names]
    return {
        "texts": texts,
        "time_s": time.perf_counter() - start_s,
        "cpu_s": browser_cpu_s() - start_cpu_s,
    }


def compared(
    name: str, audio_s: float, found: dict[str, Any], package: list[str], references: list[str]
) -> dict[str, Any]:
    """Figures of a row, JSON-serialisable.

    Args:
        name: Of the row.
        audio_s: Seconds of audio.
        found: What [`transcribed`] gives.
        package: Texts of the package.
        references: What is spoken.
    """
    texts = found["texts"]
    return {
        "name": name,
        "audio_s": audio_s,
        "wer": word_error_counts(references, texts).error_rate,
        "package_wer": word_error_counts(references, package).error_rate,
        "num_equal": sum(text == other for text, other in zip(texts, package, strict=True)),
        "num_files": len(texts),
        "difference": word_error_counts(package, texts).error_rate,
        "real_time_factor": audio_s / found["time_s"],
        "cpu_real_time_factor": audio_s / found["cpu_s"],
    }


def sizes_of(page: Path) -> dict[str, int]:
    """Bytes of the parts of the page."""
    groups = {"network": "model/*.onnx", "language model": "model/language_model/*", "runtime": "ort/*"}
    sizes = {name: sum(path.stat().st_size for path in page.glob(pattern)) for name, pattern in groups.items()}
    total = sum(path.stat().st_size for path in page.rglob("*") if path.is_file())
    return {**sizes, "page": total - sum(sizes.values())}


def main() -> None:
    """Transcribe with both, print and write."""
    note_start()
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])  # type: ignore[arg-type] # NewType of Any
    (args,) = parser.parse()
    with parser.refusals():
        waveforms, references = read_split(args.dataset_name, args.dataset_config_name, args.split, args.every, RATE)
    long = repeat_recordings(waveforms, round(args.long_s * RATE))
    report: dict[str, Any] = {"bytes": sizes_of(args.page), "preset": PRESET, "rows": []}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "page"
        shutil.copytree(args.page, folder)
        for kind in ("files", "long"):
            (folder / kind).mkdir()
        sets = {
            "files": write_files(waveforms, RATE, folder / "files"),
            "long": write_files([long], RATE, folder / "long"),
        }
        with opened(folder) as page:
            report["load_s"] = page.evaluate(LOADING)
            transcribed(page, ["/files/00000.flac"], "language model")  # the first run compiles
            for decoder, language_model in DECODERS.items():
                preset = None if language_model is None else PRESET
                recogniser = OnnxRecognizer(language_model=language_model, preset=preset, num_threads=1)
                for kind, paths in sets.items():
                    names = [f"/{path.relative_to(folder)}" for path in paths]
                    found = transcribed(page, names, decoder)
                    package = list(map(recogniser.transcribe, paths))
                    audio_s = len(long) / RATE if kind == "long" else sum(map(len, waveforms)) / RATE
                    spoken = package if kind == "long" else references
                    report["rows"].append(compared(f"{kind}, {decoder}", audio_s, found, package, spoken))
    for row in report["rows"]:
        print(
            f"{row['name']:24} errors {row['wer']:6.1%} (package {row['package_wer']:6.1%}), {row['num_equal']} of "
            f"{row['num_files']} texts equal, {row['cpu_real_time_factor']:.1f} times real time per CPU second"
        )
    print(", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in report["bytes"].items()))
    if args.output is not None:
        write_report(args.output, report)


if __name__ == "__main__":
    main()
