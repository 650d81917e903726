"""Our classes as the library's common tests take them: one test case per mixin."""

import json
import tempfile
import unittest
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest import mock

import asr_pipeline_checks
import numpy as np
import pytest
import torch
import transformers
from library_tests import LibraryTests
from transformers.models.auto import modeling_auto

from hf_bigru_asr import (
    BiGRUCTCConfig,
    BiGRUCTCFeatureExtractor,
    BiGRUCTCProcessor,
    BiGRUCTCTokenizer,
    BiGRUForCTC,
    BiGRUModel,
)

Inputs = dict[str, torch.Tensor]


class ModelTester:
    """Sizes and inputs, under the names that the library's mixin reads."""

    batch_size = 3
    seq_length = 5
    hidden_size = 12
    num_hidden_layers = 2
    is_training = True

    def get_config(self) -> BiGRUCTCConfig:
        # As many mel bins as features per frame: the mixin expects all hidden states to have one width.
        width = self.hidden_size
        return BiGRUCTCConfig(
            num_mel_bins=width, hidden_size=width // 2, num_hidden_layers=self.num_hidden_layers, mask_time_prob=0.0
        )

    def prepare_config_and_inputs_for_common(self) -> tuple[BiGRUCTCConfig, Inputs]:
        frames = torch.randn(self.batch_size, self.seq_length, self.hidden_size)
        mask = torch.ones(self.batch_size, self.seq_length, dtype=torch.long)
        return self.get_config(), {"input_features": frames, "attention_mask": mask}


TASK = "automatic-speech-recognition"
"""As the library's pipelines and its mixin of their tests name it."""


def model_case(library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> type[unittest.TestCase]:
    # What a model in the library itself would have: whether a class takes labels is read from these lists.
    monkeypatch.setitem(modeling_auto.MODEL_MAPPING_NAMES, "bigru_ctc", "BiGRUModel")
    monkeypatch.setitem(modeling_auto.MODEL_FOR_CTC_MAPPING_NAMES, "bigru_ctc", "BiGRUForCTC")

    class ModelCase(library.modeling_common.ModelTesterMixin, unittest.TestCase):  # type: ignore[name-defined]
        all_model_classes = (BiGRUForCTC, BiGRUModel)
        has_attentions = False
        test_can_init_all_missing_weights_before_2023 = True

        def setUp(self) -> None:
            torch.manual_seed(0)
            self.model_tester = ModelTester()

        def test_config(self) -> None:
            sizes = {"num_mel_bins": 12, "hidden_size": 6}
            names = ["hidden_size", "num_hidden_layers"]
            library.configuration_common.ConfigTester(
                self, config_class=BiGRUCTCConfig, has_text_modality=True, common_properties=names, **sizes
            ).run_common_tests()

        def test_resize_embeddings_untied(self) -> None:
            prepare = self.model_tester.prepare_config_and_inputs_for_common
            ids = torch.zeros(ModelTester.batch_size, ModelTester.seq_length, dtype=torch.long)
            # The test clamps token ids, which this network has none of, and which it ignores.
            self.model_tester.prepare_config_and_inputs_for_common = lambda: (
                prepare()[0],
                {**prepare()[1], "input_ids": ids},
            )
            super().test_resize_embeddings_untied()

        def _prepare_config_and_inputs_for_retain_grad_hidden_states_attentions(self) -> tuple[Any, Inputs]:
            config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
            # The first hidden states are the input frames, and have a gradient only if these have one.
            inputs["input_features"].requires_grad_()
            return config, inputs

    return ModelCase


class FeatureExtractorTester:
    """Batches of frames that the library's mixin pads and truncates."""

    batch_size = 7
    min_seq_length = 10
    max_seq_length = 70
    seq_length_diff = 10
    feature_size = 5

    def prepare_feat_extract_dict(self) -> dict[str, Any]:
        sizes = {"n_fft": 256, "win_length": 100, "hop_length": 80}
        return {"feature_size": self.feature_size, "sampling_rate": 4000, "padding_value": 0.0, **sizes}

    def prepare_inputs_for_common(self, equal_length: bool = False, numpify: bool = False) -> list[Any]:
        rng = np.random.default_rng(0)
        lengths = range(self.min_seq_length, self.max_seq_length + 1, self.seq_length_diff)
        frames = [
            rng.random((self.max_seq_length if equal_length else length, self.feature_size)) for length in lengths
        ]
        return frames if numpify else [utterance.tolist() for utterance in frames]


def feature_extractor_case(library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> type[unittest.TestCase]:
    mixin = library.sequence_feature_extraction_common.SequenceFeatureExtractionTestMixin

    class FeatureExtractorCase(mixin, unittest.TestCase):  # type: ignore[misc, valid-type]
        feature_extraction_class = BiGRUCTCFeatureExtractor
        feat_extract_tester = FeatureExtractorTester()

    return FeatureExtractorCase


def tokenizer_case(library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> type[unittest.TestCase]:
    """The tokenizer over every character in the library's test, so that none of its texts is refused."""
    module = library.tokenization_common

    class TokenizerCase(module.TokenizerTesterMixin, unittest.TestCase):  # type: ignore[misc, name-defined]
        tokenizer_class = BiGRUCTCTokenizer

        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            written = set(Path(module.__file__).read_text(encoding="utf-8"))
            characters = sorted(char for char in written if not char.isspace() and char != "|")
            symbols = ["<pad>", "|", *characters]
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "vocab.json")
                path.write_text(json.dumps({symbol: index for index, symbol in enumerate(symbols)}), encoding="utf-8")
                BiGRUCTCTokenizer(str(path), do_upper_case=False).save_pretrained(cls.tmpdirname)

    return TokenizerCase


def processor_case(library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> type[unittest.TestCase]:
    class ProcessorCase(library.processing_common.ProcessorTesterMixin, unittest.TestCase):  # type: ignore[misc, name-defined]
        processor_class = BiGRUCTCProcessor
        text_input_name = "labels"

        @classmethod
        def _setup_feature_extractor(cls) -> BiGRUCTCFeatureExtractor:
            return BiGRUCTCFeatureExtractor()

        @classmethod
        def _setup_tokenizer(cls) -> BiGRUCTCTokenizer:
            return BiGRUCTCTokenizer()

        def prepare_audio_inputs(self, batch_size: int | None = None) -> list[np.ndarray]:
            # Long enough for the texts of the mixin: a text that does not fit into its audio is refused.
            return [np.random.default_rng(0).uniform(-0.1, 0.1, 16_000)] * (batch_size or 1)

    return ProcessorCase


def pipeline_case(library: LibraryTests, monkeypatch: pytest.MonkeyPatch) -> type[unittest.TestCase]:
    module = library.pipeline_mixin
    parts = {"tokenizer_classes": ["BiGRUCTCTokenizer"], "processor_classes": ["BiGRUCTCFeatureExtractor"]}
    monkeypatch.setattr(module, "tiny_model_summary", {"BiGRUForCTC": parts})
    monkeypatch.setitem(module.pipeline_test_mapping, TASK, {"test": f"{asr_pipeline_checks.__name__}.PipelineChecks"})
    for each in (BiGRUCTCTokenizer, BiGRUCTCFeatureExtractor):
        monkeypatch.setattr(transformers, each.__name__, each, raising=False)

    class PipelineCase(module.PipelineTesterMixin, unittest.TestCase):  # type: ignore[misc, name-defined]
        pipeline_model_mapping = MappingProxyType({TASK: BiGRUForCTC})

        def setUp(self) -> None:
            models = Path(self.enterContext(tempfile.TemporaryDirectory()))
            # Where the mixin looks for it, by its type and its class.
            folder = models / "bigru_ctc" / "BiGRUForCTC"
            BiGRUForCTC(BiGRUCTCConfig(hidden_size=8, num_hidden_layers=2)).save_pretrained(folder)
            BiGRUCTCProcessor(BiGRUCTCFeatureExtractor(), BiGRUCTCTokenizer()).save_pretrained(folder)
            self.enterContext(mock.patch.object(module, "TRANSFORMERS_TINY_MODEL_PATH", str(models)))

    return PipelineCase
