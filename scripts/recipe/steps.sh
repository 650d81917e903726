# shellcheck shell=bash
# What the recipes share: sourced by them after `set -euo pipefail; set -m`, it is no recipe.
repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
python=${PYTHON:-$repository/.venv/bin/python}

# shellcheck disable=SC2034 # of the recipes
teacher=(--distillation_weight 1.5 --teacher_name "the encoder of Whisper-base (A. Radford et al., 2022; MIT licence)")

run() { # SCRIPT OPTIONS...
  "$python" "$repository/scripts/$1.py" "${@:2}"
}
run_two() { # SCRIPT OPTIONS...: in two data-parallel processes
  "$python" -m torch.distributed.run --nproc_per_node 2 "$repository/scripts/$1.py" "${@:2}"
}
until_step() { # STEP FOLDER TRAINING OPTIONS...: ends a run once its checkpoint of that step is whole
  local step=$1 folder=$2 training
  [ -s "$folder/checkpoint-$step/trainer_state.json" ] && return
  "${@:3}" --output_dir "$folder" &
  training=$!
  until [ -s "$folder/checkpoint-$step/trainer_state.json" ] || ! kill -0 "$training" 2>/dev/null; do sleep 0.2; done
  if kill -0 "$training" 2>/dev/null; then
    sleep 5 # the state is the last file of a checkpoint, and small
    kill -- "-$training"
    wait "$training" || true
  else
    wait "$training"
  fi
}
conditions() { # NOISE ROOM SILENCE TELEPHONE LEVEL SPEECHLESS: the options for how often each of them is drawn
  printf '%s\n' --noise_prob "$1" --reverberation_prob "$2" --silence_prob "$3" --telephone_prob "$4" \
      --level_prob "$5" --speechless_prob "$6"
}
run_stages() { # NAMES STAGE...: functions of the recipe; all that are named, in this order, if no stage is given
  local names=$1 stage
  local stages=("${@:2}")
  [ ${#stages[@]} -gt 0 ] || read -ra stages <<< "$names"
  for stage in "${stages[@]}"; do
    [[ " $names " == *" $stage "* ]] || { echo "$stage is no stage; they are ${names// /, }." >&2; exit 2; }
  done
  for stage in "${stages[@]}"; do
    "$stage"
  done
}
