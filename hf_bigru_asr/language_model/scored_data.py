"""Log-probabilities of a whole data set: decoding is tuned on them, after the network has run once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import AutoModelForCTC, AutoProcessor

from ..backends.loading import check_weights
from ..bundled import check_not_installed, resolve_model
from ..data.loading import load_speech_dataset
from ..data.manifests.arguments import ManifestArguments
from ..data.utterances import utterance_source, utterance_text
from ..model.beam_search_bigru_ctc import BeamSearchSettings
from ..model.frame_grids_bigru_ctc import NUM_OFFSETS_HELP, use_offsets
from ..model.loaded_weights_bigru_ctc import check_is_whole
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..text.languages import Normalizer
from ..transcription.network import Network
from ..transcription.pipeline import language_model_of

__all__ = ["ScoredDataset", "ScoringArguments", "language_model_folder"]


@dataclass
class ScoringArguments(ManifestArguments):
    """Which model to run on which data."""

    dataset_name: str = field(metadata={"help": "Data set on the Hub, local Parquet folder, or OpenSLR archive."})
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    split: str = field(
        default="validation", metadata={"help": "Split that settings are chosen on, never the one to report on."}
    )
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    model: str = field(default="bundled", metadata={"help": "Model folder, model on the Hub, or the bundled one."})
    batch_size: int = field(default=8, metadata={"help": "Utterances that run through the network together."})
    num_offsets: int | None = field(default=None, metadata={"help": NUM_OFFSETS_HELP})


@dataclass(frozen=True)
class ScoredDataset:
    """The log-probabilities of every utterance of a data set, with its reference.

    Args:
        processor: The model's processor.
        references: Normalised transcripts.
        utterances: Log-probabilities `(frames, classes)` of each, without padding; 17 MB for every hour.
        origin: Model and data set, JSON-serialisable, for reports.
    """

    processor: BiGRUCTCProcessor
    references: list[str]
    utterances: list[torch.Tensor]
    origin: dict[str, Any]

    @property
    def hours(self) -> float:
        """Hours of audio."""
        return sum(map(len, self.utterances)) * self.processor.frame_s / 3600

    @classmethod
    def compute(cls, args: ScoringArguments, language_model: str | Path | None = None) -> "ScoredDataset":
        """Run a model over a data set, with a progress bar; long recordings run in bounded memory.

        Args:
            args: Which model, on what.
            language_model: Folder of the language model for decoding. Without `args.num_offsets` the network runs on
                as many frame grids as its settings say, if they do.

        Raises:
            ValueError: If audio or text of an utterance cannot be used, or `num_offsets` is out of range.
            OSError: If a file of the data set cannot be read.
        """
        name = resolve_model(args.model)
        check_weights(name)
        model, processor = AutoModelForCTC.from_pretrained(name).eval(), AutoProcessor.from_pretrained(name)
        check_is_whole(model, name)
        num_offsets = args.num_offsets
        if num_offsets is None and language_model is not None:
            num_offsets = BeamSearchSettings.from_folder(language_model).num_offsets
        use_offsets(processor.feature_extractor, num_offsets)
        dataset = load_speech_dataset(
            args.dataset_name,
            args.dataset_config_name,
            args.split,
            audio_column=args.audio_column_name,
            text_column=args.text_column_name,
            **args.reading(),
        )
        scores = _score(Network(model, processor.feature_extractor), dataset, args, Normalizer.of(processor.tokenizer))
        pairs = list(tqdm(scores, total=len(dataset), unit="utt", desc="Network"))
        origin = {
            "model": args.model,
            "num_offsets": processor.feature_extractor.num_offsets,
            "dataset": {"name": args.dataset_name, "config": args.dataset_config_name, "split": args.split},
        }
        return cls(processor, [text for text, _ in pairs], [log_probs for _, log_probs in pairs], origin)


def language_model_folder(
    language_model: str | Path, model: str | Path, *, to_write: bool = False, overwrite_installed: bool = False
) -> Path:
    """Folder of a language model as the scripts take it.

    Args:
        language_model: The folder, or `"own"` for that of the language model beside `model`.
        model: Folder, name on the Hub, or `"bundled"`.
        to_write: Whether files are to be written into the folder.
        overwrite_installed: Whether it may then be that of the model that ships with the package.

    Raises:
        FileNotFoundError: If the model has no language model of its own, or the folder holds none.
        ValueError: If it lies on the Hub, where nothing can be written, or in the installed package.
    """
    folder = _language_model_folder(language_model, model, to_write)
    if to_write and not overwrite_installed:
        check_not_installed(folder)
    return folder


def _language_model_folder(language_model: str | Path, model: str | Path, to_write: bool) -> Path:
    if (named := language_model_of(language_model)) is not None:
        return named
    name = resolve_model(model)
    if to_write and not Path(name).is_dir():
        raise ValueError(
            f"The language model of {name} lies on the Hub, and nothing can be written beside it; download the model "
            "and give its folder."
        )
    folder = BiGRUCTCProcessor.from_pretrained(name).language_model
    if folder is None:
        raise FileNotFoundError(
            f"{name} has no language model of its own; name the folder of one that scripts/build_lm.py made."
        )
    return folder


def _score(
    network: Network, examples: Iterable[dict[str, Any]], args: ScoringArguments, normalize: Normalizer
) -> Iterator[tuple[str, torch.Tensor]]:
    """Reference and log-probabilities of every utterance."""
    rows = iter(examples)
    while batch := list(islice(rows, args.batch_size)):
        sources = (utterance_source(example[args.audio_column_name], network.sampling_rate) for example in batch)
        found = network.run(network.read(source) for source in sources)
        for example, log_probs in zip(batch, found, strict=True):
            yield normalize(utterance_text(example[args.text_column_name])), log_probs.checked().clone()
