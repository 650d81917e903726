#!/usr/bin/env bash
# Makes the shipped model: fifty runs of training, most of them from the result of the one before, and one that teaches
# silence.
#
#     bash scripts/recipe/bundled_model.sh DATA [WORK]
#
# DATA holds `librispeech_asr/` in the Hub's schema (`clean`: train.100, validation) and `lm/lm_corpus.txt.xz`, text of
# one sentence a line. Everything is written under WORK (outputs/recipe); the model is WORK/outputs/shipped. PYTHON is
# the interpreter (.venv/bin/python); it needs the extras train, synthesis and distillation, and the program flite.
# On two CPU cores the runs took 34 hours. docs/figures/training.json has the log of each.
set -euo pipefail
set -m  # a run that is ended early is a process group of its own

data=$(realpath "${1:?give the folder with librispeech_asr/ and lm/}")
work=${2:-outputs/recipe}
# shellcheck source=scripts/recipe/steps.sh
source "$(dirname "$0")/steps.sh"
mkdir -p "$work"
cd "$work"

librispeech=(--dataset_name "$data/librispeech_asr" --dataset_config_name clean)
excluded=(--exclude_dataset_name "$data/librispeech_asr" --exclude_dataset_config_name clean)
corpus=$data/lm/lm_corpus.txt.xz

average() { # MODEL... OPTIONS...: a model that is named k times counts k times
  run average_checkpoints "$@"
}
recombine() { # MODEL LONGEST_S SEED...: what each speaker says between pauses, joined in another order
  local seed
  for seed in "${@:3}"; do
    run segment_dataset --dataset_name ./taught --model "$1" --recombine --min_pause_s 0.06 --duration_s 1 "$2" \
        --num_passes 2 --seed "$seed" --output_dir "taught_recombined_$seed"
  done
}
read_aloud() { # FOLDER SEED: 12,000 sentences of books as synthetic speech
  run synthesize --text_file "$corpus" --skip_lines 28538 --num_utterances 12000 "${excluded[@]}" --num_workers 2 \
      --voices hibari:heart flite:slt flite:rms flite:awb --voice_weights .68 .11 .11 .11 --seed "$2" --output_dir "$1"
}

train() {
  run_two train "${librispeech[@]}" --train_split_name train.100 --eval_split_name validation --cache_audio \
      --per_device_train_batch_size 8 --per_device_eval_batch_size 16 --speed_factors 0.9 1.0 1.1 \
      --mask_time_prob 0.06 --mask_time_length 20 --mask_feature_prob 0.1 "$@"
}
mixed() {
  train --extra_dataset_name synthetic --warp_range 0.93 1.07 --lr_scheduler_type cosine_with_min_lr \
      --lr_scheduler_kwargs '{"min_lr_rate": 0.2}' --eval_strategy steps --save_strategy steps "$@"
}
real() {
  train --warp_range 0.95 1.05 --lr_scheduler_type linear --warmup_steps 0 "$@"
}

run synthesize --text_file "$corpus" --max_lines 28538 --num_utterances 8000 "${excluded[@]}" \
    --voices hibari:heart flite:slt flite:rms flite:awb flite:kal16 --voice_weights 13 2 2 2 1 --num_workers 2 \
    --output_dir synthetic

train --output_dir outputs/bigru --num_train_epochs 8 --per_device_train_batch_size 10
mixed --model_name_or_path outputs/bigru --output_dir outputs/mixed --train_repeats 2 --num_train_epochs 2 \
    --eval_steps 402 --save_steps 402
real --model_name_or_path outputs/mixed --output_dir outputs/real --num_train_epochs 2 --learning_rate 4e-4
until_step 1500 outputs/mixed2 mixed --model_name_or_path outputs/real --train_repeats 3 --num_train_epochs 2 \
    --learning_rate 1.5e-3 --eval_steps 300 --save_steps 300
real --model_name_or_path outputs/mixed2/checkpoint-1500 --output_dir outputs/real2 --num_train_epochs 3 \
    --learning_rate 4e-4
until_step 1500 outputs/mixed3 mixed --model_name_or_path outputs/real2 --train_repeats 3 --num_train_epochs 4 \
    --learning_rate 1.2e-3 --eval_steps 300 --save_steps 300

# From here on with frames of 30 ms: a third less work.
long_frames=(--hop_length 480 --win_length 640 --mask_time_prob 0.04 --mask_time_length 13 --mask_feature_prob 0.05)
until_step 2000 outputs/mixed4 mixed --model_name_or_path outputs/mixed3/checkpoint-1500 "${long_frames[@]}" \
    --train_repeats 3 --max_steps 2800 --learning_rate 1.2e-3 --warmup_steps 30 --seed 7 \
    --lr_scheduler_kwargs '{"min_lr_rate": 0.3}' --eval_steps 250 --save_steps 250
real --model_name_or_path outputs/mixed4/checkpoint-2000 --output_dir outputs/real3 "${long_frames[@]}" \
    --num_train_epochs 5 --learning_rate 5e-4 --seed 8

until_step 920 outputs/mixed5 mixed --model_name_or_path outputs/real3/checkpoint-765 "${long_frames[@]}" \
    --train_repeats 3 --noise_prob 0.2 --reverberation_prob 0.2 --max_steps 2300 --learning_rate 1e-3 \
    --warmup_steps 20 --seed 9 --lr_scheduler_kwargs '{"min_lr_rate": 0.3}' --eval_steps 230 --save_steps 230 \
    --save_total_limit 4
average outputs/mixed5/checkpoint-{460,690,920} --output_dir outputs/averaged
real --model_name_or_path outputs/averaged --output_dir outputs/real4 "${long_frames[@]}" --num_train_epochs 5 \
    --learning_rate 5e-4 --seed 10
average outputs/{real3,real4}/checkpoint-765 --output_dir outputs/mean

# Without masks, then with two masked views of every utterance (CR-CTC), and the mean of all.
real --model_name_or_path outputs/mean --output_dir outputs/unmasked --warp_range 0.93 1.07 --num_train_epochs 9 \
    --learning_rate 1e-3 --warmup_steps 20 --mask_time_prob 0 --mask_feature_prob 0 --seed 11
average outputs/mean outputs/unmasked/checkpoint-1377 --output_dir outputs/mean2
real --model_name_or_path outputs/mean2 --output_dir outputs/consistent --warp_range 0.93 1.07 --num_train_epochs 3.5 \
    --learning_rate 8e-4 --warmup_steps 20 --consistency_weight 0.2 --mask_time_prob 0.1 --mask_time_length 13 \
    --mask_feature_prob 0.08 --seed 12 --eval_strategy steps --save_strategy steps --eval_steps 107 --save_steps 107 \
    --save_total_limit 12
average outputs/unmasked/checkpoint-1377 outputs/consistent/checkpoint-535 outputs/mean --output_dir outputs/mean3

# With the same speech cut in its pauses, twice as much as whole; then that with two masked views.
run segment_dataset "${librispeech[@]}" --split_name train.100 --model outputs/mean3 --num_passes 2 \
    --output_dir segments
short() {
  real --extra_dataset_name segments --per_device_train_batch_seconds 100 --warp_range 0.93 1.07 --learning_rate 8e-4 \
      --warmup_steps 20 --eval_strategy steps --save_strategy steps --save_total_limit 12 "$@"
}
short --model_name_or_path outputs/mean3 --output_dir outputs/short --num_train_epochs 2.6 --mask_time_prob 0.05 \
    --mask_time_length 13 --mask_feature_prob 0.06 --seed 15 --eval_steps 150 --save_steps 150
average outputs/short/checkpoint-1176 outputs/mean3 --output_dir outputs/mean4
short --model_name_or_path outputs/mean4 --output_dir outputs/short2 --num_train_epochs 1 --mask_time_prob 0.1 \
    --mask_time_length 13 --mask_feature_prob 0.08 --consistency_weight 0.2 --seed 16 --eval_steps 115 \
    --save_steps 115
average outputs/short2/checkpoint-452 outputs/short/checkpoint-1176 --output_dir outputs/mean5

# With pieces of the same speech joined in another order, and sentences of books read aloud; then real speech alone.
run synthesize --text_file "$corpus" --skip_lines 28538 --num_utterances 13400 "${excluded[@]}" \
    --voices hibari:heart flite:slt flite:rms flite:awb flite:kal16 --voice_weights 13 2 2 2 1 --seed 3 \
    --num_workers 2 --output_dir synthetic_books
run segment_dataset "${librispeech[@]}" --split_name train.100 --model outputs/mean5 --recombine --min_pause_s 0.06 \
    --duration_s 1 14 --num_passes 4 --output_dir recombined
recombined() {
  train --per_device_train_batch_seconds 120 --mask_time_prob 0.05 --mask_time_length 13 --mask_feature_prob 0.06 \
      --eval_strategy steps --save_strategy steps --save_total_limit 12 "$@"
}
until_step 1000 outputs/recombined1 recombined --model_name_or_path outputs/mean5 \
    --extra_dataset_name recombined synthetic_books --warp_range 0.92 1.08 --max_steps 2000 --learning_rate 1.2e-3 \
    --warmup_steps 30 --seed 17 --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.3}' \
    --eval_steps 250 --save_steps 250
average outputs/recombined1/checkpoint-{500,750,1000} --output_dir outputs/mean6
recombined --model_name_or_path outputs/mean6 --output_dir outputs/recombined2 --extra_dataset_name recombined \
    --warp_range 0.93 1.07 --max_steps 1000 --learning_rate 7e-4 --warmup_steps 0 --seed 18 \
    --lr_scheduler_type linear --eval_steps 200 --save_steps 200
average outputs/mean5 outputs/recombined2/checkpoint-1000 --output_dir outputs/mean7

# With new combinations of pieces, and a teacher.
run teach_dataset "${librispeech[@]}" --split_name train.100 --num_workers 2 --output_dir taught
recombine outputs/mean7 14 5 6
taught() {
  run_two train --dataset_name ./taught --extra_dataset_name taught_recombined_5 taught_recombined_6 \
      --eval_dataset_name "$data/librispeech_asr" --eval_dataset_config_name clean --eval_split_name validation \
      --distillation_weight 1.5 --teacher_name "the encoder of Whisper-base (A. Radford et al., 2022; MIT licence)" \
      --cache_audio --per_device_train_batch_seconds 120 --per_device_eval_batch_size 16 --speed_factors 0.9 1.0 1.1 \
      --mask_time_prob 0.05 --mask_time_length 13 --mask_feature_prob 0.06 --max_steps 1000 --eval_strategy steps \
      --save_strategy steps --eval_steps 200 --save_steps 200 --save_total_limit 12 "$@"
}
taught --model_name_or_path outputs/mean7 --output_dir outputs/taught1 --warp_range 0.92 1.08 --learning_rate 1.2e-3 \
    --warmup_steps 30 --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 21
average outputs/taught1/checkpoint-{600,800,1000} --output_dir outputs/mean8
taught --model_name_or_path outputs/mean8 --output_dir outputs/taught2 --warp_range 0.93 1.07 --learning_rate 8e-4 \
    --warmup_steps 0 --lr_scheduler_type linear --seed 22
average outputs/mean7 outputs/taught2/checkpoint-1000{,,,,} --output_dir outputs/mean9

# The same again, with shorter combinations.
recombine outputs/mean9 11 7 8
again() {
  taught --extra_dataset_name taught_recombined_7 taught_recombined_8 --max_steps 800 --eval_steps 100 \
      --save_steps 100 --save_total_limit 20 "$@"
}
until_step 600 outputs/taught3 again --model_name_or_path outputs/mean9 --warp_range 0.92 1.08 --learning_rate 1.2e-3 \
    --warmup_steps 30 --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 31
average outputs/taught3/checkpoint-{300,400,500,600} --output_dir outputs/mean10
again --model_name_or_path outputs/mean10 --output_dir outputs/taught4 --warp_range 0.93 1.07 --learning_rate 8e-4 \
    --warmup_steps 0 --lr_scheduler_type linear --seed 32
average outputs/mean9 outputs/taught4/checkpoint-800{,} --output_dir outputs/mean11

# The same again, with frames that begin anywhere within a hop.
recombine outputs/mean11 11 9 10
anywhere() {
  again --extra_dataset_name taught_recombined_9 taught_recombined_10 --random_offset "$@"
}
anywhere --model_name_or_path outputs/mean11 --output_dir outputs/taught5 --warp_range 0.92 1.08 \
    --learning_rate 1.2e-3 --warmup_steps 30 --lr_scheduler_type cosine_with_min_lr \
    --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 41 --max_steps 700
average outputs/taught5/checkpoint-{400,500,600,700} --output_dir outputs/mean12
anywhere --model_name_or_path outputs/mean12 --output_dir outputs/taught6 --warp_range 0.93 1.07 --learning_rate 8e-4 \
    --warmup_steps 0 --lr_scheduler_type linear --seed 42 --max_steps 750 --eval_steps 150 --save_steps 150
average outputs/mean11 outputs/taught6/checkpoint-750{,,,,} --output_dir outputs/mean13

# The same again, with a prior for the variance of short speech, and in the end for few word errors.
recombine outputs/mean13 11 11 12
prior() {
  anywhere --extra_dataset_name taught_recombined_11 taught_recombined_12 "$@"
}
prior --model_name_or_path outputs/mean13 --output_dir outputs/taught7 --prior_frames 200 --warp_range 0.92 1.08 \
    --learning_rate 1.2e-3 --warmup_steps 30 --lr_scheduler_type cosine_with_min_lr \
    --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 51 --max_steps 500
average outputs/taught7/checkpoint-{200,300,400,500} --output_dir outputs/mean14
prior --model_name_or_path outputs/mean14 --output_dir outputs/taught8 --word_error_weight 1 \
    --word_error_temperature 0.5 --warp_range 0.93 1.07 --learning_rate 8e-4 --warmup_steps 0 \
    --lr_scheduler_type linear --seed 52 --max_steps 750 --eval_steps 150 --save_steps 150
average outputs/mean13 outputs/mean14 outputs/taught8/checkpoint-750{,} --output_dir outputs/mean15

# The same again with SOAP, and then lattice-free MMI.
recombine outputs/mean15 11 13 14
for order in 3 4; do
  run build_character_lm --text_file "$corpus" --skip_lines 28538 --order $order \
      --output_file character_lm_$order.safetensors
done
soap() {
  anywhere --extra_dataset_name taught_recombined_13 taught_recombined_14 --optim soap --adam_beta1 0.95 \
      --adam_beta2 0.95 "$@"
}
soap --model_name_or_path outputs/mean15 --output_dir outputs/taught9 --warp_range 0.92 1.08 --learning_rate 1.5e-3 \
    --warmup_steps 40 --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 61 \
    --max_steps 600
average outputs/taught9/checkpoint-{300,400,500,600} --output_dir outputs/mean16
soap --model_name_or_path outputs/mean16 --output_dir outputs/taught10 --word_error_weight 1 \
    --word_error_temperature 0.5 --warp_range 0.93 1.07 --learning_rate 1e-3 --warmup_steps 20 \
    --lr_scheduler_type linear --seed 62 --max_steps 700
soap --model_name_or_path outputs/mean16 --output_dir outputs/mmi1 --mmi_weight 1 --mmi_lm character_lm_3.safetensors \
    --warp_range 0.93 1.07 --learning_rate 1e-3 --warmup_steps 20 --lr_scheduler_type linear --seed 71 \
    --max_steps 170 --eval_steps 170 --save_steps 170
until_step 300 outputs/mmi2 soap --model_name_or_path outputs/mmi1/checkpoint-170 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --warp_range 0.92 1.08 --learning_rate 1.2e-3 --warmup_steps 30 \
    --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 81 --max_steps 600
average outputs/mean15 outputs/mmi2/checkpoint-300 --output_dir outputs/mean17
soap --model_name_or_path outputs/mean17 --output_dir outputs/mmi3 --mmi_weight 0.5 \
    --mmi_lm character_lm_4.safetensors --warp_range 0.93 1.07 --learning_rate 8e-4 --warmup_steps 20 \
    --lr_scheduler_type linear --seed 82 --max_steps 350 --eval_steps 50 --save_steps 50
average outputs/taught10/checkpoint-600 outputs/mmi2/checkpoint-300 outputs/mmi3/checkpoint-350{,} \
    --output_dir outputs/mean18

# With frames of 24 ms, for few word errors, and then lattice-free MMI.
recombine outputs/mean18 11 15 16
shorter() {
  soap --extra_dataset_name taught_recombined_15 taught_recombined_16 --mask_time_length 16 --warp_range 0.93 1.07 \
      --learning_rate 1e-3 --warmup_steps 20 --lr_scheduler_type linear "$@"
}
shorter --model_name_or_path outputs/taught10/checkpoint-600 --output_dir outputs/taught11 --hop_length 384 \
    --word_error_weight 1 --word_error_temperature 0.5 --seed 81 --max_steps 300
shorter --model_name_or_path outputs/taught11 --output_dir outputs/mmi4 --word_error_weight 0 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --seed 82 --max_steps 220 --eval_steps 220 --save_steps 220
until_step 500 outputs/mmi5 shorter --model_name_or_path outputs/mmi4 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --warp_range 0.92 1.08 --learning_rate 1.2e-3 --warmup_steps 30 \
    --lr_scheduler_type cosine_with_min_lr --lr_scheduler_kwargs '{"min_lr_rate": 0.5}' --seed 83 --max_steps 900
shorter --model_name_or_path outputs/mmi5/checkpoint-500 --output_dir outputs/mmi6 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --seed 84 --max_steps 600
average outputs/mean18 outputs/taught11 outputs/mmi6/checkpoint-600 --output_dir outputs/mean19

# The same once more from the mean, and the mean of all.
recombine outputs/mean19 11 17 18
more() {
  shorter --extra_dataset_name taught_recombined_17 taught_recombined_18 --learning_rate 1.2e-3 "$@"
}
more --model_name_or_path outputs/mean19 --output_dir outputs/taught12 --mmi_weight 0 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 91 --max_steps 500
average outputs/mean19 outputs/taught12 --output_dir outputs/mean20
more --model_name_or_path outputs/mean20 --output_dir outputs/mmi7 --word_error_weight 0 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --seed 92 --max_steps 520 --eval_steps 130 --save_steps 130
average outputs/mean19 outputs/taught12 outputs/mmi7/checkpoint-520 --output_dir outputs/mean21

# The same in bfloat16, with sentences of books read aloud once more, and the mean of all.
recombine outputs/mean21 11 19 20
read_aloud synthetic_books2 31
again_more() {
  more --extra_dataset_name taught_recombined_19 taught_recombined_20 --bf16 "$@"
}
again_more --model_name_or_path outputs/mean21 --output_dir outputs/taught13 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 94 --max_steps 800
average outputs/mean21 outputs/taught13 --output_dir outputs/mean22
again_more --model_name_or_path outputs/mean22 --output_dir outputs/mmi8 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --seed 95 --max_steps 750 --eval_steps 150 --save_steps 150
again_more --extra_dataset_name taught_recombined_19 taught_recombined_20 synthetic_books2 \
    --model_name_or_path outputs/mean22 --output_dir outputs/taught14 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 96 --max_steps 1200 --eval_steps 150 --save_steps 150
average outputs/taught14 outputs/mmi8/checkpoint-750 --output_dir outputs/mean23
more --bf16 --model_name_or_path outputs/mean23 --output_dir outputs/mmi9 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --learning_rate 1e-3 --seed 97 --max_steps 350 --eval_steps 175 \
    --save_steps 175
average outputs/mean21 outputs/taught14 outputs/mmi9/checkpoint-350 --output_dir outputs/mean24

# With other sentences read aloud, and then with frames of 20 ms and others again.
recombine outputs/mean24 11 21 22
read_aloud synthetic_books3 32
read_aloud synthetic_books4 33
average outputs/taught14 outputs/mmi9 --output_dir outputs/mean25
more --extra_dataset_name taught_recombined_21 taught_recombined_22 synthetic_books3 --bf16 \
    --model_name_or_path outputs/mean25 --output_dir outputs/taught15 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 98 --max_steps 1200 --eval_steps 150 --save_steps 150
average outputs/taught15/checkpoint-1200{,} outputs/mean24 --output_dir outputs/mean26
more --extra_dataset_name taught_recombined_19 taught_recombined_20 synthetic_books4 --bf16 \
    --model_name_or_path outputs/mean26 --output_dir outputs/taught16 --hop_length 320 --mask_time_length 19 \
    --word_error_weight 1 --word_error_temperature 0.5 --seed 100 --max_steps 1200 --eval_steps 150 --save_steps 150
average outputs/mmi9 outputs/taught16/checkpoint-1200 --output_dir outputs/mean27
more --extra_dataset_name taught_recombined_21 taught_recombined_22 --bf16 --model_name_or_path outputs/mean27 \
    --output_dir outputs/mmi10 --mask_time_length 19 --word_error_weight 0 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --learning_rate 1e-3 --seed 101 --max_steps 250 --eval_steps 250 \
    --save_steps 250
# The networks of this mean were trained on frames of 24 and of 20 ms; it runs on frames of 22.
average outputs/mean24 outputs/taught15/checkpoint-1200 outputs/taught16/checkpoint-1200{,} \
    outputs/mmi10/checkpoint-250 --hop_length 352 --output_dir outputs/mean28

# With sentences and utterances made anew once more, on the same frames.
recombine outputs/mean28 11 23 24
read_aloud synthetic_books5 34
average outputs/mean28{,} outputs/taught16/checkpoint-1200 --hop_length 352 --output_dir outputs/mean29
more --extra_dataset_name taught_recombined_23 taught_recombined_24 synthetic_books5 --bf16 \
    --model_name_or_path outputs/mean29 --output_dir outputs/taught17 --mask_time_length 17 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 102 --max_steps 1200 --eval_steps 150 --save_steps 150
average outputs/taught17/checkpoint-1200 outputs/mmi10/checkpoint-250 --hop_length 352 --output_dir outputs/mean30
more --extra_dataset_name taught_recombined_21 taught_recombined_22 --bf16 --model_name_or_path outputs/mean30 \
    --output_dir outputs/mmi11 --mask_time_length 17 --word_error_weight 0 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --learning_rate 1e-3 --seed 103 --max_steps 300 --eval_steps 300 \
    --save_steps 300
average outputs/mean28 outputs/taught17/checkpoint-1200{,} --output_dir outputs/mean31
more --extra_dataset_name taught_recombined_21 taught_recombined_22 synthetic_books3 --bf16 \
    --model_name_or_path outputs/mean31 --output_dir outputs/taught18 --mask_time_length 17 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 104 --max_steps 600 --eval_steps 150 --save_steps 150
average outputs/mean28 outputs/taught17/checkpoint-1200{,} outputs/taught18/checkpoint-600{,} \
    outputs/mmi11/checkpoint-300 --output_dir outputs/mean32

# And once more; the mean runs on frames of 21 ms.
recombine outputs/mean32 11 25 26
read_aloud synthetic_books6 35
more --extra_dataset_name taught_recombined_25 taught_recombined_26 synthetic_books6 --bf16 \
    --model_name_or_path outputs/mean32 --output_dir outputs/taught19 --mask_time_length 17 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 105 --max_steps 1200 --eval_steps 150 --save_steps 150
average outputs/mean32 outputs/taught19/checkpoint-1200{,} --output_dir outputs/mean33
more --extra_dataset_name taught_recombined_23 taught_recombined_24 synthetic_books5 --bf16 \
    --model_name_or_path outputs/mean33 --output_dir outputs/taught20 --mask_time_length 17 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 106 --max_steps 600 --eval_steps 150 --save_steps 150
average outputs/mean32{,} outputs/taught19/checkpoint-1200 outputs/taught20/checkpoint-600 --hop_length 336 \
    --output_dir outputs/mean34

# And once more, trained on the frames of the mean.
recombine outputs/mean34 11 27 28
read_aloud synthetic_books7 36
more --extra_dataset_name taught_recombined_27 taught_recombined_28 synthetic_books7 --bf16 \
    --model_name_or_path outputs/mean34 --output_dir outputs/taught21 --mask_time_length 18 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 108 --max_steps 1000 --eval_steps 250 --save_steps 250
average outputs/mean34{,} outputs/taught21/checkpoint-1000 --output_dir outputs/mean35

# Lattice-free MMI, and then for few word errors.
recombine outputs/mean35 11 29 30
read_aloud synthetic_books8 37
more --extra_dataset_name taught_recombined_29 taught_recombined_30 --bf16 --model_name_or_path outputs/mean35 \
    --output_dir outputs/mmi12 --mask_time_length 18 --word_error_weight 0 --mmi_weight 1 \
    --mmi_lm character_lm_3.safetensors --learning_rate 1e-3 --seed 109 --max_steps 300 --eval_steps 300 \
    --save_steps 300
average outputs/mean35{,} outputs/mmi12/checkpoint-300 --output_dir outputs/mean36
more --extra_dataset_name taught_recombined_29 taught_recombined_30 synthetic_books8 --bf16 \
    --model_name_or_path outputs/mean36 --output_dir outputs/taught22 --mask_time_length 18 --word_error_weight 1 \
    --word_error_temperature 0.5 --seed 110 --max_steps 800 --eval_steps 200 --save_steps 200
average outputs/mean35{,} outputs/taught22/checkpoint-800{,} outputs/mmi12/checkpoint-300 --output_dir outputs/speech

# Silence, noise and music have no text. The mean of the network that only reads the new features and of the one that
# has learnt from itself.
silence() { # OUTPUT STEPS
  run learn_silence "${librispeech[@]}" --train_split_name train.100 --model outputs/speech --output_dir "$1" \
    --steps "$2" --seed 1
}
silence outputs/silence_0 0
silence outputs/silence_110 110
average outputs/silence_0 outputs/silence_110 --output_dir outputs/shipped
