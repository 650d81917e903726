"""What the stock Trainer offers and CTC cannot have."""

from pathlib import Path

import pytest
from transformers import Trainer, TrainingArguments

from hf_bigru_asr import BiGRUCTCConfig, BiGRUCTCProcessor, BiGRUForCTC
from hf_bigru_asr.training.collator import DataCollatorForCTC, EpochCallback


def test_label_smoothing_of_the_trainer_is_refused_by_name(processor: BiGRUCTCProcessor, tmp_path: Path) -> None:
    model = BiGRUForCTC(BiGRUCTCConfig(hidden_size=4, num_hidden_layers=1))
    arguments = TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True, label_smoothing_factor=0.1)
    collator = DataCollatorForCTC(processor)
    with pytest.raises(ValueError, match=r"label_smoothing_factor is 0\.1; .*CTC has no such labels\. Leave it at 0"):
        Trainer(model=model, args=arguments, data_collator=collator, callbacks=[EpochCallback(collator)])
