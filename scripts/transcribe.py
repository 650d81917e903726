"""Transcribe recordings.

python scripts/transcribe.py tests/data/speech_sample.flac
python scripts/transcribe.py --model outputs/bigru --return_timestamps word --output transcripts.json *.flac

Prints one line for each file. A file that cannot be transcribed is named on the error output, the others are
transcribed all the same, and the exit status is 1.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from transformers import HfArgumentParser

from hf_bigru_asr.transcription import load_recognizer, transcribe


@dataclass
class Arguments:
    """Which model, and how."""

    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    batch_size: int = field(default=1, metadata={"help": "Recordings or chunks that run together."})
    chunk_length_s: float | None = field(default=None, metadata={"help": "Cut recordings into chunks so long."})
    stride_length_s: float | None = field(default=None, metadata={"help": "Overlap on either side of a chunk."})
    lm: str | None = field(
        default=None,
        metadata={"help": "Decode by beam search with the language model of this folder; 'own' is the model's own."},
    )
    beam_size: int | None = field(default=None, metadata={"help": "Readings that beam search keeps."})
    nbest: int | None = field(default=None, metadata={"help": "Readings to print, with --lm."})
    return_timestamps: str | None = field(default=None, metadata={"help": "Times of what: char or word."})
    output: Path | None = field(default=None, metadata={"help": "JSON file to write the transcripts to as well."})
    runtime: str = field(default="torch", metadata={"help": "What runs the network: torch, onnx, openvino, or auto."})
    dtype: str | None = field(default=None, metadata={"help": "Number format of the network: float32 or bfloat16."})
    num_threads: int | None = field(default=None, metadata={"help": "Threads of the network."})
    device: str | None = field(default=None, metadata={"help": "Where to run: cpu, cuda, ..."})
    trust_remote_code: bool = field(default=False, metadata={"help": "Run the code that comes with a Hub model."})


def main() -> int:
    """Transcribe the files and return the exit status."""
    parser = HfArgumentParser(Arguments, description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Recordings in any common format.")
    args, rest = parser.parse_args_into_dataclasses()
    given = {name: getattr(args, name) for name in ("beam_size", "nbest")}
    decoding = {name: value for name, value in given.items() if value is not None}
    if decoding and args.lm is None:
        parser.error(f"{' and '.join(decoding)} belong to beam search; give --lm own or --lm FOLDER too")
    recognizer = load_recognizer(
        args.model,
        language_model=args.lm,
        decoding=decoding,
        runtime=args.runtime,
        dtype=args.dtype,
        num_threads=args.num_threads,
        device=args.device,
        trust_remote_code=args.trust_remote_code,
    )
    transcripts = []
    for transcript in transcribe(
        recognizer,
        rest.files,
        batch_size=args.batch_size,
        chunk_length_s=args.chunk_length_s,
        stride_length_s=args.stride_length_s,
        return_timestamps=args.return_timestamps,
    ):
        transcripts.append(transcript)
        if transcript.error is not None:
            print(f"{transcript.source}: not transcribed: {transcript.error}", file=sys.stderr)
            continue
        print(f"{transcript.source}: {transcript.text}" if len(rest.files) > 1 else transcript.text)
        for hypothesis in (transcript.hypotheses or [])[1:]:
            print(f"  {hypothesis.score:8.2f}  {hypothesis.text}")
        for chunk in transcript.chunks or ():
            start_s, end_s = chunk["timestamp"]
            print(f"  {start_s:8.2f} {end_s:8.2f}  {chunk['text']}")
    if args.output is not None:
        rows = [asdict(transcript) for transcript in transcripts]
        args.output.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return int(any(transcript.error is not None for transcript in transcripts))


if __name__ == "__main__":
    sys.exit(main())
