"""Draw the pictures of the documentation: python scripts/draw_figures.py --help.

Example:
    python scripts/draw_figures.py --output_dir docs/figures
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from dataclasses import dataclass, field
from pathlib import Path

from hf_bigru_asr.alignment.aligner import Aligner
from hf_bigru_asr.audio.loading import SAMPLING_RATE, load_audio
from hf_bigru_asr.cli.parsing import CommandParser
from hf_bigru_asr.evaluation.drawings import draw_aligned_words, draw_network
from hf_bigru_asr.evaluation.plots import check_plots, plot_speed
from hf_bigru_asr.model.language_model_files_bigru_ctc import read_model_json


@dataclass
class Arguments:
    """What to draw, and where."""

    output_dir: Path = field(default=Path("docs/figures"), metadata={"help": "Folder for the pictures."})
    model: str = field(default="bundled", metadata={"help": "Model that is drawn and aligns the words."})
    audio: Path = field(
        default=Path("tests/data/samples/hard.flac"), metadata={"help": "Recording whose words are shown."}
    )
    text: Path = field(default=Path("tests/data/samples/hard.txt"), metadata={"help": "File with its text."})
    benchmark: Path = field(
        default=Path("docs/figures/benchmark.json"), metadata={"help": "Figures of scripts/benchmark.py."}
    )


def main() -> None:
    """Draw everything."""
    parser = CommandParser(Arguments, description=__doc__.partition("\n")[0])
    (args,) = parser.parse()
    with parser.refusals():
        check_plots()
        aligner = Aligner.from_pretrained(args.model)
        num_parameters = sum(each.numel() for each in aligner.model.parameters())
        draw_network(aligner.model.config, 1000 * aligner.frame_s, num_parameters, args.output_dir / "network.png")
        alignment = aligner.align(args.audio, args.text.read_text(encoding="utf-8"))
        draw_aligned_words(
            load_audio(args.audio), SAMPLING_RATE, alignment.words, args.output_dir / "aligned_words.png"
        )
        plot_speed(read_model_json(args.benchmark, "files")["files"], args.output_dir / "benchmark.png")
    print(f"Written to {args.output_dir}: network.png, aligned_words.png, benchmark.png.")


if __name__ == "__main__":
    main()
