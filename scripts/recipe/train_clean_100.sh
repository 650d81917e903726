#!/usr/bin/env bash
# From nothing to a model and its language model on the 100 hours of train-clean-100, in six stages.
#
#     bash scripts/recipe/train_clean_100.sh TEXT [STAGE...]
#
# TEXT is English text of one sentence a line, for the language model; it may be compressed. STAGE is one of teach,
# base, broad, text, finish and tune; all of them in this order if none is given. A stage that was ended early goes on
# where it was. Everything is written under WORK (outputs/train_clean_100): the model is WORK/model, its language model
# WORK/language_model. DATASET (openslr/librispeech_asr) is where the speech comes from. PYTHON is the interpreter
# (.venv/bin/python); it needs the extras train, distillation, lm and plot. docs/training.md has what it costs.
set -euo pipefail
set -m  # a run that is ended early is a process group of its own

corpus=$(realpath "${1:?give a text for the language model}")
work=${WORK:-outputs/train_clean_100}
dataset=${DATASET:-openslr/librispeech_asr}
[ ! -d "$dataset" ] || dataset=$(realpath "$dataset")
# shellcheck source=scripts/recipe/steps.sh
source "$(dirname "$0")/steps.sh"
mkdir -p "$work"
cd "$work"

validation=(--dataset_name "$dataset" --dataset_config_name clean --split validation)
varied=(--optim soap --adam_beta1 0.95 --adam_beta2 0.95 --warp_range 0.92 1.08 --random_offset)

train() { # OUTPUT OPTIONS...: two data-parallel processes
  run_two train --dataset_name ./taught --train_split_name train --eval_dataset_name "$dataset" \
      --eval_dataset_config_name clean --eval_split_name validation --output_dir "$1" --bf16 \
      --per_device_train_batch_seconds 200 --per_device_eval_batch_size 16 --speed_factors 0.9 1.0 1.1 \
      --mask_time_prob 0.05 --mask_time_length 18 --mask_feature_prob 0.06 "${teacher[@]}" "${@:2}"
}

teach() { # What Whisper-base makes of the speech
  run teach_dataset --dataset_name "$dataset" --dataset_config_name clean --split_name train.100 --num_workers 2 \
      --output_dir taught
}
base() { # From random weights: frames of 21 ms, normalised by the speech around them
  train base --hop_length 336 --win_length 640 --normalization speech --prior_frames 200 --max_silence_frames 100 \
      --num_train_epochs 20 --learning_rate 2e-3 --lr_scheduler_type cosine_with_min_lr \
      --lr_scheduler_kwargs '{"min_lr_rate": 0.3}'
}
broad() { # The same speech in noise, in rooms, on telephones, between pauses, of other voices; the rate falls to 0
  mapfile -t drawn < <(conditions .3 .2 .2 .1 .15 .02)
  train broad --model_name_or_path base --num_train_epochs 5 --learning_rate 6e-4 --warmup_steps 30 \
      --lr_scheduler_type linear "${varied[@]}" "${drawn[@]}"
}
text() { # The language model: the text, letters and numbers
  run spelled_text --text_file "$corpus" --keep_text --num_sentences 30000 --seed 7 --output_file language_model.txt
  run build_lm --text_file language_model.txt --order 4 --prune 0 1 2 3 --exclude_dataset_name "$dataset" \
      --exclude_dataset_config_name clean --output_dir language_model
  run build_character_lm --text_file language_model.txt --order 3 --exclude_dataset_name "$dataset" \
      --exclude_dataset_config_name clean --exclude_split_name validation --output_file character_lm.safetensors
}
finish() { # Lattice-free MMI for decoding with the language model, few word errors for decoding without; the mean
  local falling=(--model_name_or_path broad --max_steps 1000 --eval_strategy steps --save_strategy steps
      --eval_steps 250 --save_steps 250 --learning_rate 8e-4 --warmup_steps 30 --lr_scheduler_type linear)
  mapfile -t drawn < <(conditions .25 .15 .2 .1 .1 .01)
  train mmi "${falling[@]}" "${varied[@]}" "${drawn[@]}" --mmi_weight 1 --mmi_lm character_lm.safetensors
  train word_errors "${falling[@]}" "${varied[@]}" "${drawn[@]}" --word_error_weight 1 --word_error_temperature 0.5
  run average_checkpoints broad mmi/checkpoint-1000 word_errors/checkpoint-1000 --output_dir model
}
tune() { # Weights of the beam search, and confidences with and without it
  run tune_decoding "${validation[@]}" --model model --lm language_model --num_offsets 3 --output_dir tuning
  run calibrate_confidence "${validation[@]}" --model model
  run calibrate_confidence "${validation[@]}" --model model --lm language_model
}

run_stages "teach base broad text finish tune" "${@:2}"
