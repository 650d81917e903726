"""What `hf-bigru-asr train` is told about the model and the data. Imports nothing heavy."""

from dataclasses import dataclass, field, fields
from typing import Any, TypedDict

from ..data.manifests.arguments import ManifestArguments

__all__ = ["ARGUMENTS_FILE", "Columns", "DataArguments", "ModelArguments"]

ARGUMENTS_FILE = (".json", ".yaml", ".yml")
"""Suffixes of a file that holds all arguments."""


@dataclass
class ModelArguments:
    """The network and its features; what is unset is as in the model to fine-tune."""

    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Model to fine-tune: Hub, folder or 'bundled'; random weights without it."}
    )
    num_frozen_layers: int = field(
        default=0, metadata={"help": "So many of the first GRU layers keep their weights; for very little data."}
    )
    hidden_dropout: float | None = field(
        default=None, metadata={"help": "Dropout between GRU layers (unset: the model's, or 0.1)."}
    )
    apply_spec_augment: bool | None = field(
        default=None,
        metadata={"help": "Whether to mask features in training (unset: the model's, or true)."},
    )
    mask_time_prob: float | None = field(
        default=None,
        metadata={"help": "Share of the frames that masks cover (unset: the model's, or 0.05)."},
    )
    mask_time_length: int | None = field(
        default=None,
        metadata={"help": "Upper bound of a time mask in frames (unset: the model's, or 10)."},
    )
    mask_feature_prob: float | None = field(
        default=None,
        metadata={"help": "Share of the mel bins that masks cover (unset: the model's, or 0)."},
    )
    mask_feature_length: int | None = field(
        default=None,
        metadata={"help": "Upper bound of a feature mask in mel bins (unset: the model's, or 27)."},
    )
    ctc_zero_infinity: bool | None = field(
        default=None,
        metadata={"help": "Whether infinite losses count as zero (unset: the model's, or true)."},
    )
    max_silence_frames: int | None = field(
        default=None,
        metadata={
            "help": "Silent frames on each side of a sound that the network reads, with --normalization speech "
            "(unset: the model's, or all)."
        },
    )
    normalization: str | None = field(
        default=None,
        metadata={"help": "Feature normalisation: utterance, speech or none (unset: the model's, or utterance)."},
    )
    prior_frames: int | None = field(
        default=None,
        metadata={
            "help": "Pseudo-frames with the standard deviation of the training split that are added to the variance "
            "of an utterance; 0 is off (unset: the model's, or 0)."
        },
    )
    hop_length: int | None = field(
        default=None, metadata={"help": "Samples from one frame to the next (unset: the model's, or 320)."}
    )
    win_length: int | None = field(
        default=None, metadata={"help": "Samples of a frame's window (unset: the model's, or 512)."}
    )

    def configuration(self) -> dict[str, Any]:
        """Fields of [`BiGRUCTCConfig`] that are set."""
        from ..model.configuration_bigru_ctc import BiGRUCTCConfig

        names = (each.name for each in fields(BiGRUCTCConfig) if hasattr(self, each.name))
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def features(self) -> dict[str, Any]:
        """Settings of the feature extractor that are set, but for the prior, which is fitted to data."""
        names = ("normalization", "hop_length", "win_length")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class Columns(TypedDict):
    """Columns of a data set, as filter and collator take them."""

    audio_column: str
    text_column: str


@dataclass
class DataArguments(ManifestArguments):
    """The data and what is done to them."""

    dataset_name: str = field(
        metadata={
            "help": "Data set on the Hub, or a file or folder here: Parquet, CSV, Kaldi, NeMo, Lhotse and others."
        }
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of the data set."})
    train_split_name: str = field(default="train", metadata={"help": "Split to train on."})
    eval_split_name: str = field(default="validation", metadata={"help": "Split to choose the model by."})
    eval_dataset_name: str | None = field(
        default=None, metadata={"help": "Data set of that split; the one to train on without it."}
    )
    eval_dataset_config_name: str | None = field(default=None, metadata={"help": "Its configuration."})
    streaming: bool = field(
        default=False,
        metadata={
            "help": "Read the training data while they are used, without a local copy and without reading all of them "
            "first; needs --max_steps."
        },
    )
    audio_column_name: str = field(default="audio", metadata={"help": "Column with the audio."})
    text_column_name: str = field(default="text", metadata={"help": "Column with the transcript."})
    language: str | None = field(
        default=None,
        metadata={
            "help": "Rules that write the transcripts: en, de, es, fr, it, nl, pl, pt, ru, or none to keep them as "
            "they are (unset: the model's, or en). They are saved with the model."
        },
    )
    vocabulary_from_data: bool | None = field(
        default=None,
        metadata={
            "help": "Whether the characters of the training transcripts, beside the letters of the language, are the "
            "classes (unset: where --language is another than the model's). Classes that the model had keep their "
            "weights."
        },
    )
    min_duration_in_seconds: float = field(default=0.2, metadata={"help": "Leave out shorter training utterances."})
    max_duration_in_seconds: float = field(default=20.0, metadata={"help": "Leave out longer training utterances."})
    max_train_samples: int | None = field(default=None, metadata={"help": "Train on so many utterances only."})
    max_eval_samples: int | None = field(default=None, metadata={"help": "Evaluate on so many utterances only."})
    extra_dataset_name: list[str] = field(
        default_factory=list, metadata={"help": "Data sets to train on as well, synthetic speech for example."}
    )
    extra_dataset_config_name: str | None = field(default=None, metadata={"help": "Their configuration."})
    extra_split_name: str = field(default="train", metadata={"help": "Their split."})
    teacher_name: str | None = field(
        default=None, metadata={"help": "What the card calls the teacher of --distillation_weight, with its licence."}
    )
    train_repeats: int = field(
        default=1, metadata={"help": "How often an epoch has each utterance of the training split."}
    )
    speed_factors: list[float] = field(
        default_factory=list, metadata={"help": "Speeds to draw from in training, 0.9 1.0 1.1 for example."}
    )
    warp_range: list[float] = field(
        default_factory=lambda: [1.0, 1.0],
        metadata={"help": "Range of the factor by which resonances are moved in training, 0.9 1.1 for example."},
    )
    random_offset: bool = field(
        default=False, metadata={"help": "Let the frames of a training utterance begin anywhere within a hop."}
    )
    noise_prob: float = field(default=0.0, metadata={"help": "Share of the training utterances that get noise."})
    reverberation_prob: float = field(
        default=0.0, metadata={"help": "Share of the training utterances that are put into a room."}
    )
    silence_prob: float = field(
        default=0.0,
        metadata={
            "help": "Share of the training utterances that get zeros or quiet noise around them, batch by batch."
        },
    )
    telephone_prob: float = field(
        default=0.0, metadata={"help": "Share of the training utterances that get the band of a telephone."}
    )
    level_prob: float = field(
        default=0.0, metadata={"help": "Share of the training utterances whose level is changed, or that are clipped."}
    )
    speechless_prob: float = field(
        default=0.0, metadata={"help": "Share of the training utterances that become notes or noise without a text."}
    )
    cache_audio: bool = field(
        default=False, metadata={"help": "Keep decoded audio in memory (115 MB per hour and process)."}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "Stop after so many evaluations without a better --metric_for_best_model."}
    )
    eval_lm: str | None = field(
        default=None,
        metadata={
            "help": "Folder of a language model (scripts/build_lm.py); 'own' is that of the model to fine-tune. "
            "Evaluations also have the error rates of beam search, lm_wer and lm_cer, by which "
            "--metric_for_best_model lm_wer chooses."
        },
    )
    eval_beam_size: int = field(default=50, metadata={"help": "Hypotheses that this beam search keeps."})
    num_sample_transcripts: int = field(default=3, metadata={"help": "Transcripts to print at every evaluation."})

    def __post_init__(self) -> None:
        """Refuse numbers that leave nothing."""
        for name in ("max_train_samples", "max_eval_samples", "train_repeats"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ValueError(f"{name} is {number}; it must be at least 1, or be left out.")

    @property
    def eval_source(self) -> tuple[str, str | None]:
        """Name and configuration of the data set to choose the model by."""
        if self.eval_dataset_name is not None:
            return self.eval_dataset_name, self.eval_dataset_config_name
        return self.dataset_name, self.dataset_config_name

    @property
    def columns(self) -> Columns:
        """Columns with the audio and the transcript, as filter and collator take them."""
        return {"audio_column": self.audio_column_name, "text_column": self.text_column_name}
