#!/usr/bin/env bash
# Teaches the model that was shipped before more speakers, rooms, telephones and silence, in six stages.
#
#     bash scripts/recipe/more_speakers.sh DATA [STAGE...]
#
# DATA holds `librispeech_asr/` and `more_english/` in the Hub's schema, and `lm/lm_corpus.txt.xz`, text of one sentence
# a line. STAGE is one of teach, voices, text, broad, taught and finish; all of them in this order if none is given. A
# stage that was ended early goes on where it was. Everything is written under WORK (outputs/more_speakers); MODEL
# (bundled) is where it begins, the result of scripts/recipe/bundled_model.sh: that of commit fe924dc. The model is
# WORK/shipped, its language model WORK/language_model. PYTHON is the interpreter (.venv/bin/python); it needs the
# extras train, synthesis and distillation. docs/recipe.md has the hours of each stage.
set -euo pipefail
set -m  # a run that is ended early is a process group of its own

data=$(realpath "${1:?give the folder with librispeech_asr/, more_english/ and lm/}")
work=${WORK:-outputs/more_speakers}
model=${MODEL:-bundled}
# shellcheck source=scripts/recipe/steps.sh
source "$(dirname "$0")/steps.sh"
mkdir -p "$work"
cd "$work"

librispeech=(--dataset_name "$data/librispeech_asr" --dataset_config_name clean)
excluded=(--exclude_dataset_name "$data/librispeech_asr" --exclude_dataset_config_name clean)
corpus=$data/lm/lm_corpus.txt.xz

train() { # BEGINNING SECONDS_A_STEP STEPS SEED OPTIONS...: one process, one thread
  run train --eval_dataset_name "$data/librispeech_asr" --eval_dataset_config_name clean --eval_split_name validation \
      --extra_split_name train --cache_audio --model_name_or_path "$1" --optim soap \
      --adam_beta1 0.95 --adam_beta2 0.95 --bf16 --per_device_train_batch_seconds "$2" --max_steps "$3" --seed "$4" \
      --per_device_eval_batch_size 16 --speed_factors 0.9 1.0 1.1 --warp_range 0.92 1.08 --random_offset \
      --mask_time_prob 0.05 --mask_time_length 18 --mask_feature_prob 0.06 --learning_rate 1.2e-3 --warmup_steps 30 \
      --eval_strategy steps --save_strategy steps --eval_steps 100 --save_steps 100 --save_total_limit 12 \
      --logging_steps 10 "${@:5}"
}

teach() { # What Whisper-base makes of the real speech, and the speech between pauses in other orders
  run teach_dataset "${librispeech[@]}" --split_name train.100 --output_dir taught
  run teach_dataset --dataset_name "$data/more_english" --split_name train --output_dir taught_more \
      --projection taught/train-projection.safetensors
  run segment_dataset --dataset_name ./taught --model "$model" --recombine --min_pause_s 0.06 --duration_s 1 11 \
      --num_passes 2 --seed 401 --output_dir recombined
}
voices() { # Sentences of books, letters and numbers, by another speaker in every utterance
  run spelled_text --text_file "$corpus" --num_sentences 2500 --seed 5 --output_file spelled.txt
  run synthesize --text_file spelled.txt --num_utterances 2000 --min_words 1 "${excluded[@]}" \
      --voices hibari-varied:heart --seed 301 --output_dir synthetic_spelled
  run synthesize --text_file "$corpus" --skip_lines 28538 --num_utterances 7000 --max_words 30 "${excluded[@]}" \
      --voices hibari-varied:heart --seed 302 --output_dir synthetic_books
}
text() { # The language model: books, the transcripts three times, letters and numbers
  run spelled_text --text_file "$corpus" --keep_text --dataset_name "$data/more_english" --repeats 3 \
      --num_sentences 30000 --seed 7 --output_file language_model.txt
  run build_lm --text_file language_model.txt --order 4 --prune 0 1 2 3 "${excluded[@]}" --output_dir language_model
}
broad() { # Both sets and the synthetic speech in many conditions, at a high rate
  local slowly=(--lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs)
  mapfile -t drawn < <(conditions .35 .25 .3 .12 .15 .03)
  until_step 300 broad train "$model" 200 600 201 "${librispeech[@]}" --train_split_name train.100 \
      --extra_dataset_name "$data/more_english" "${slowly[@]}" '{"min_lr_rate": 0.5}' "${drawn[@]}"
  mapfile -t drawn < <(conditions .3 .2 .2 .1 .15 .02)
  until_step 200 broader train broad/checkpoint-300 240 600 202 --dataset_name ./taught --train_split_name train \
      --extra_dataset_name "$data/more_english" ./synthetic_books ./synthetic_spelled "${slowly[@]}" \
      '{"min_lr_rate": 0.6}' "${drawn[@]}" "${teacher[@]}"
}
taught() { # The same with the teacher on everything that is real, the rate falling to 0
  mapfile -t drawn < <(conditions .3 .2 .2 .1 .15 .02)
  ln -sfn taught_more taught_more_again
  train broader/checkpoint-200 240 800 203 --output_dir taught_all --dataset_name ./taught --train_split_name train \
      --extra_dataset_name ./recombined ./taught_more ./taught_more_again ./synthetic_books ./synthetic_spelled \
      --lr_scheduler_type linear "${drawn[@]}" "${teacher[@]}"
}
finish() { # Lattice-free MMI for decoding with the language model, few word errors for decoding without; the mean
  local falling=(--learning_rate 1e-3 --warmup_steps 20 --lr_scheduler_type linear)
  run build_character_lm --text_file language_model.txt --order 3 --output_file character_lm.safetensors
  mapfile -t drawn < <(conditions .25 .15 .2 .1 .1 .01)
  train taught_all/checkpoint-800 200 200 204 --output_dir mmi --dataset_name ./taught --train_split_name train \
      --extra_dataset_name ./recombined ./taught_more "${falling[@]}" "${drawn[@]}" "${teacher[@]}" \
      --mmi_weight 1 --mmi_lm character_lm.safetensors
  mapfile -t drawn < <(conditions .25 .15 .35 .1 .1 .05)
  train taught_all/checkpoint-800 200 200 205 --output_dir word_errors --dataset_name ./taught --train_split_name train \
      --extra_dataset_name ./recombined ./taught_more ./synthetic_spelled "${falling[@]}" "${drawn[@]}" \
      "${teacher[@]}" --word_error_weight 1 --word_error_temperature 0.5
  run average_checkpoints "$model" taught_all/checkpoint-800 mmi/checkpoint-200 word_errors/checkpoint-200 \
      --output_dir shipped
}

run_stages "teach voices text broad taught finish" "${@:2}"
