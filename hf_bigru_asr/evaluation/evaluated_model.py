"""A model as it is evaluated, and the files that an evaluation leaves."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transformers import AutoProcessor

from ..backends.base import RuntimeModel
from ..backends.loading import choose_runtime, load_model, precision_of
from ..bundled import resolve_model
from ..model.beam_search_bigru_ctc import BeamSearchDecoder
from ..model.decoding_bigru_ctc import Decoder
from ..model.frame_grids_bigru_ctc import use_offsets
from ..model.modeling_bigru_ctc import BiGRUForCTC
from ..model.processing_bigru_ctc import BiGRUCTCProcessor
from ..runtime.decoding_pool import BeamSearchPool
from ..storage.writing import write_json, write_text
from ..transcription.pipeline import OWN_LANGUAGE_MODEL, language_model_of
from .evaluating import UtteranceResult, evaluate_utterances
from .report_results import run_of_results
from .report_runs import write_run
from .summary import comparison

__all__ = ["EvaluatedModel", "write_evaluation"]


@dataclass(frozen=True)
class EvaluatedModel:
    """A model on a backend, with its decoder.

    Args:
        model: The recogniser, in evaluation mode, on its device.
        processor: Its processor, with as many frame grids as are evaluated.
        decoder: Makes text of log-probabilities.
        runtime: Name of the backend.
        num_threads: Threads of the network; the backend's own choice if `None`.
        language_model: Folder of the language model, `"own"` for the model's own, `None` for greedy decoding.
    """

    model: BiGRUForCTC | RuntimeModel
    processor: BiGRUCTCProcessor
    decoder: Decoder
    runtime: str = "torch"
    num_threads: int | None = None
    language_model: str | None = None

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        language_model: str | None = None,
        decoding: dict[str, Any] | None = None,
        num_offsets: int | None = None,
        runtime: str = "torch",
        num_threads: int | None = None,
        trust_remote_code: bool = False,
        **options: Any,
    ) -> "EvaluatedModel":
        """Load a model, its processor and its decoder.

        Args:
            model: Folder, name on the Hub, or `"bundled"`.
            language_model: Folder of a language model, or `"own"` for the model's own; greedy decoding if `None`.
            decoding: Fields of [`BeamSearchSettings`] to change.
            num_offsets: Frame grids; what the language model's or the model's own files say if `None`.
            runtime: See [`choose_runtime`].
            num_threads: Threads of the network; the backend's own choice if `None`.
            trust_remote_code: Whether to run the code that comes with a model on the Hub.
            options: `device` and `dtype`, see [`load_model`].

        Raises:
            ImportError: If an extra is not installed.
            ValueError: If an argument is out of range, or there are settings of a beam search and no language model.
        """
        folder = language_model_of(language_model)
        if decoding and language_model is None:
            raise ValueError(
                f"decoding has {', '.join(decoding)}, which belong to beam search; give language_model= too, "
                f"{OWN_LANGUAGE_MODEL!r} for the model's own."
            )
        name = resolve_model(model)
        runtime = choose_runtime(runtime, options.get("device"))
        network = load_model(name, runtime, num_threads=num_threads, trust_remote_code=trust_remote_code, **options)
        processor: BiGRUCTCProcessor = AutoProcessor.from_pretrained(name, trust_remote_code=trust_remote_code)
        decoder: Decoder
        if language_model is None:
            decoder = processor.greedy_decoder()
        else:
            decoder = beam_search = processor.beam_search_decoder(folder, **(decoding or {}))
            num_offsets = beam_search.settings.num_offsets if num_offsets is None else num_offsets
        use_offsets(processor.feature_extractor, num_offsets)
        return cls(network, processor, decoder, runtime, num_threads, language_model)

    def recognize(
        self, examples: Iterable[dict[str, Any]], *, num_workers: int = 1, **options: Any
    ) -> Iterator[UtteranceResult]:
        """Recognise the rows of a data set; beam search runs in processes if there are several workers.

        Args:
            examples: Rows of a data set, see [`load_speech_dataset`].
            num_workers: Threads that read and, with a language model, processes that decode.
            options: `batch_size`, `audio_column` and `text_column`, see [`evaluate_utterances`].

        Raises:
            ValueError: If an argument is out of range; at once, and not with the first row.
        """
        decoder, pool = self.decoder, None
        if isinstance(decoder, BeamSearchDecoder) and num_workers > 1:
            decoder = pool = BeamSearchPool.of_decoder(decoder, num_workers)
        results = evaluate_utterances(
            self.model, self.processor, examples, decoder=decoder, num_workers=num_workers, **options
        )
        return _with_pool(pool, results)

    def describe(self) -> dict[str, Any]:
        """How it recognises, JSON-serialisable: `decoding`, `num_offsets` and `runtime`."""
        decoding: dict[str, Any] = {"method": "greedy"}
        if isinstance(self.decoder, BeamSearchDecoder):
            settings = asdict(self.decoder.settings)
            del settings["num_offsets"]
            decoding = {"method": "beam search", "language_model": self.language_model, **settings}
        return {
            "decoding": decoding,
            "num_offsets": getattr(self.processor.feature_extractor, "num_offsets", 1),
            "runtime": {
                "name": self.runtime,
                "dtype": precision_of(self.model),
                "num_threads": self.num_threads,
            },
        }


def _with_pool(pool: BeamSearchPool | None, results: Iterator[UtteranceResult]) -> Iterator[UtteranceResult]:
    with ExitStack() as stack:
        if pool is not None:
            # Started before the first utterance, whose time is measured.
            stack.enter_context(pool).start()
        yield from results


def write_evaluation(folder: Path, report: dict[str, Any], results: Sequence[UtteranceResult]) -> None:
    """Write what an evaluation found.

    `evaluation.json` is the report. `utterances.txt` has references against hypotheses, the worst first, and
    `utterances.json` the same for programs: a later page compares with it.
    """
    write_text(folder / "utterances.txt", comparison(results))
    write_run(folder, run_of_results(results, report))
    write_json(folder / "evaluation.json", report)
