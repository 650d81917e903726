"""Train or fine-tune a recogniser.

python scripts/train.py --dataset_name openslr/librispeech_asr --dataset_config_name clean \
    --train_split_name train.100 --eval_split_name validation --output_dir outputs/bigru

On two CPU cores or two GPUs the same with `torchrun --nproc_per_node 2 scripts/train.py ...`. Run it again to resume
from the last checkpoint in the output folder. A JSON or YAML file with the arguments can be given instead of them.
"""

from hf_bigru_asr.processes.interrupts import begin_script

begin_script(__name__)

from hf_bigru_asr.cli.train_steps import make_parser, make_processor, parse_arguments, train

__all__ = ["make_parser", "make_processor", "parse_arguments", "train"]

if __name__ == "__main__":
    train()
