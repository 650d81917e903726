"""Transcribe recordings.

python scripts/transcribe.py tests/data/samples/easy.flac
python scripts/transcribe.py --model outputs/bigru --return_timestamps word --output transcripts.json *.flac

Prints one line for each file. A file that cannot be transcribed is named on the error output, the others are
transcribed, and the exit status is 1.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hf_bigru_asr.cli.hotwords import read_hotwords, rules_of_model
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.model.frame_grids_bigru_ctc import NUM_OFFSETS_HELP
from hf_bigru_asr.storage.writing import check_writable, write_json
from hf_bigru_asr.transcription.batches import BATCH_S, BATCH_SIZE
from hf_bigru_asr.transcription.recognizer import Transcript, load_recognizer, transcribe


@dataclass
class Arguments:
    """Which model, and how."""

    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    batch_size: int = field(default=BATCH_SIZE, metadata={"help": "Recordings that run together, at the most."})
    batch_s: float = field(default=BATCH_S, metadata={"help": "Seconds of audio that run together, at the most."})
    num_workers: int = field(
        default=1,
        metadata={"help": "Threads that read files and, with --lm and more than one, processes that decode."},
    )
    chunk_length_s: float | None = field(
        default=None,
        metadata={"help": "Cut recordings into the pipeline's chunks; long ones are exact and bounded without it."},
    )
    stride_length_s: float | None = field(default=None, metadata={"help": "Overlap on either side of a chunk."})
    lm: str | None = field(
        default=None,
        metadata={"help": "Decode by beam search with the language model of this folder; 'own' is the model's own."},
    )
    beam_size: int | None = field(default=None, metadata={"help": "Hypotheses that beam search keeps."})
    hotwords: list[str] = field(
        default_factory=list,
        metadata={"help": "Expected words or phrases, 'PHRASE' or 'PHRASE:WEIGHT', with --lm; after FILE ..."},
    )
    nbest: int | None = field(default=None, metadata={"help": "Hypotheses to print, with --lm."})
    return_timestamps: str | None = field(default=None, metadata={"help": "Times of what: char or word."})
    channels: str = field(
        default="mix",
        metadata={
            "help": "Transcribe their mix (mix), each on its own with turns in order of time (split), or one: 0."
        },
    )
    on_damage: str = field(
        default="error",
        metadata={"help": "Refuse a damaged recording (error), or transcribe what is left of it (warn)."},
    )
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the transcripts to as well."})
    runtime: str = field(default="torch", metadata={"help": "What runs the network: torch, onnx, openvino, or auto."})
    dtype: str | None = field(default=None, metadata={"help": "Number format of the network: float32 or bfloat16."})
    num_threads: int | None = field(default=None, metadata={"help": "Threads of the network."})
    preset: str | None = field(
        default=None, metadata={"help": "Settings that come with the language model: accurate, or fast."}
    )
    num_offsets: int | None = field(default=None, metadata={"help": NUM_OFFSETS_HELP})
    device: str | None = field(default=None, metadata={"help": "Where to run: cpu, cuda, ..."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run the code that comes with a Hub model."})


def print_transcript(transcript: Transcript, name: str) -> None:
    """Print the text or the turns of a recording, and what else was asked for."""
    if transcript.turns is None:
        print(f"{name}{transcript.text}")
    for turn in transcript.turns or ():
        print(f"{name}{turn.start_s:8.2f} {turn.end_s:8.2f}  channel {turn.channel}: {turn.text}")
    for each in transcript.channels or [transcript]:
        for hypothesis in (each.hypotheses or [])[1:]:
            print(f"  {hypothesis.score:8.2f}  {hypothesis.text}")
        for chunk in each.chunks or ():
            start_s, end_s = chunk["timestamp"]
            confidence = f"  {chunk['confidence']:.2f}" if "confidence" in chunk else ""
            print(f"  {start_s:8.2f} {end_s:8.2f}{confidence}  {chunk['text']}")


def main() -> int:
    """Transcribe the files and return the exit status."""
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="Recordings in any common format; - is standard input."
    )
    args, rest = parser.parse()
    given = {name: getattr(args, name) for name in ("beam_size", "nbest")}
    decoding = {name: value for name, value in given.items() if value is not None}
    if args.stride_length_s is not None and args.chunk_length_s is None:
        parser.error("stride_length_s belongs to the pipeline's chunks; give --chunk_length_s too")
    with parser.refusals():
        if args.hotwords:
            decoding["hotwords"] = read_hotwords(args.hotwords, rules_of_model(args.model))
        if decoding and args.lm is None:
            parser.error(f"{' and '.join(decoding)} belong to beam search; give --lm own or --lm FOLDER too")
        recognizer = load_recognizer(
            args.model,
            language_model=args.lm,
            decoding=decoding,
            preset=args.preset,
            runtime=args.runtime,
            dtype=args.dtype,
            num_threads=args.num_threads,
            num_offsets=args.num_offsets,
            device=args.device,
            trust_remote_code=args.trust_remote_code,
        )
        found = transcribe(
            recognizer,
            [Path("/dev/stdin") if str(file) == "-" else file for file in rest.files],
            batch_size=args.batch_size,
            batch_s=args.batch_s,
            num_workers=args.num_workers,
            chunk_length_s=args.chunk_length_s,
            stride_length_s=args.stride_length_s,
            return_timestamps=args.return_timestamps,
            channels=int(args.channels) if args.channels.isdigit() else args.channels,
            on_damage=args.on_damage,
        )
        if args.output is not None:
            check_writable(args.output)  # now, and not when all is done
    transcripts = []
    for transcript in found:
        transcripts.append(transcript)
        for warning in transcript.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        if transcript.error is not None:
            print(f"{transcript.source}: not transcribed: {transcript.error}", file=sys.stderr)
            continue
        print_transcript(transcript, f"{transcript.source}: " if len(rest.files) > 1 else "")
    if args.output is not None:
        rows = [asdict(transcript) for transcript in transcripts]
        write_json(args.output, rows)
    return int(any(transcript.error is not None for transcript in transcripts))


if __name__ == "__main__":
    sys.exit(main())
