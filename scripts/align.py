"""Find out when each word of a known text was said.

python scripts/align.py tests/data/samples/easy.flac
python scripts/align.py talk.mp3 --text_file talk_script.txt --format json textgrid --output_dir aligned

The text of `talk.mp3` is in `talk.txt` unless --text or --text_file says otherwise. Prints beginning, end, score and
word a line, and writes files of the formats. A recording that cannot be aligned is named on the error output, the
others are aligned all the same, and the exit status is 1.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

import sys
from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.alignment.formats import FORMATS
from hf_bigru_asr.cli.parsing import CommandParser, describe_error
from hf_bigru_asr.storage.writing import write_text


@dataclass
class Arguments:
    """Which model, which text, and what to write."""

    text: str | None = field(default=None, metadata={"help": "What is said in the recording, if there is one alone."})
    text_file: Path | None = field(default=None, metadata={"help": "Text file (UTF-8) with what is said in it."})
    model: str = field(
        default="bundled", metadata={"help": "Model folder, model on the Hub, or the one that ships with the package."}
    )
    format: list[str] = field(
        default_factory=list, metadata={"help": f"Files to write: {', '.join(FORMATS)}.", "choices": list(FORMATS)}
    )
    output_dir: Path | None = field(
        default=None,
        metadata={"help": "Folder of the files, which are named like the recordings; beside those if not."},
    )
    on_unknown: str = field(
        default="error",
        metadata={"help": "Refuse characters that cannot be said, or remove them.", "choices": ["error", "remove"]},
    )
    device: str | None = field(default=None, metadata={"help": "Where to run: cpu, cuda, ..."})


def text_of(file: Path, args: Arguments) -> str:
    """What is said in a recording."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; give the path of a recording.")
    if args.text is not None:
        return args.text
    path = args.text_file or file.with_suffix(".txt")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; write the text there, or give --text or --text_file.")
    return path.read_text(encoding="utf-8")


def main() -> int:
    """Align the recordings and return the exit status."""
    parser = CommandParser(Arguments, description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Recordings in any common format.")
    args, rest = parser.parse()
    if args.text is not None and args.text_file is not None:
        parser.error("--text and --text_file are two texts; give one of them")
    if len(rest.files) > 1 and (args.text is not None or args.text_file is not None):
        parser.error("--text and --text_file are for one recording; put the text of each one beside it, as NAME.txt")
    targets = [(args.output_dir or file.parent) / file.stem for file in rest.files]
    if args.format and len(set(targets)) < len(targets):
        parser.error("two recordings would write to the same file; give them names of their own")
    with parser.refusals():
        if args.output_dir is not None:
            args.output_dir.mkdir(parents=True, exist_ok=True)
        aligner = Aligner.from_pretrained(args.model, device=args.device)
    num_failed = 0
    for file, target in zip(rest.files, targets, strict=True):
        try:
            alignment = aligner.align(file, text_of(file, args), on_unknown=args.on_unknown)
        except (ValueError, OSError) as error:
            print(f"{file}: not aligned: {describe_error(error)}", file=sys.stderr)
            num_failed += 1
            continue
        print(f"{file}: {len(alignment.words)} words in {alignment.duration_s:.2f} s, score {alignment.score:.3f}")
        if not alignment.is_as_written:
            print(f"{file}: the words are those of the normalised text", file=sys.stderr)
        for word in alignment.words:
            print(f"  {word.start_s:8.2f} {word.end_s:8.2f}  {word.score:5.3f}  {word.text}")
        for name in args.format:
            suffix, write = FORMATS[name]
            write_text(target.with_name(target.name + suffix), write(alignment, target.name))
    return int(num_failed > 0)


if __name__ == "__main__":
    sys.exit(main())
