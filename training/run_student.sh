#!/usr/bin/env bash
# From nothing to a measured student: data -> base -> train -> fuse -> 4 bits -> compile -> evaluate.
#
#   SPIDER=../../shared/spider bash run_student.sh configs/qwen2.5-coder-0.5b.yaml          one student
#   SPIDER=../../shared/spider BASE=../../base bash run_student.sh configs/lora.yaml --toy  a few steps and ten questions: does it all run here?
#
# Stopped or killed at any moment, the same line goes on: finished stages are skipped (remove OUT/done/STAGE to repeat one), and training, predictions
# and calibration resume within themselves. Needs uv, Node, npm ci in the root, and emscripten for the compilation (model-build/README.md).
#
# What follows the config (after --toy) goes to the training: --set minutes=60 --set epochs=null.
#
#   SPIDER      Spider as published: the folder or the archive
#   BASE        base model: a Hugging Face folder, a .gguf file or a hub id (default: the config's base_model); with LICENCE, its licence (default: the config's)
#   ADAPTER     adapter of a run before (adapters/ has ours): nothing is trained, it is fused into BASE
#   DATA        train.jsonl, such as a teacher's filtered traces (default: Spider's gold queries, made here)
#   OUT         everything that is written (default: ../../students/CONFIG'S NAME)
#   ARM         cpu | mlx | cuda (default: mlx on Apple silicon, cuda where nvidia-smi is, else cpu; full: true is always cpu)
#   TITLE       the name that people see (default: from the config's name)
#   SCHEMA      tokens of a prompt that the schema may take: tables that the question does not need are left out beyond them (default 400)
#   VOCABULARY  cut the base to this many tokens first (vocabulary.py; 32768 makes a Qwen2.5-0.5B a third smaller to download)
#   ENGINES     so many questions of dev are answered at once, each by a process with the weights and one core (default 1)
#   ROUNDING    gptq | search | plain, how a student is put into 4 bits (default gptq; a quantization-aware one is on the grid already)
set -euo pipefail
cd "$(dirname "$0")"
usage() { sed -n '2,/^set/p' "$0" | sed '$d' | cut -c3- >&2; exit 2; }
[ -n "${1:-}" ] && [ -n "${SPIDER:-}" ] || usage
CONFIG=$1
NAME=$(basename "$CONFIG" .yaml)
TOY=; SETTINGS=(); LIMIT=(); LIBRARIES=webgpu-f32,webgpu-f16,webgpu-f32-flat; CALIBRATION=256
shift
if [ "${1:-}" = --toy ]; then
  shift
  TOY=-toy; SETTINGS=(--set epochs=null --set minutes=null --set steps=4 --set warmup_steps=2); LIMIT=(--limit 10); LIBRARIES=webgpu-f32; CALIBRATION=16
fi
SETTINGS+=("$@")
absolute() { case $1 in /*) echo "$1" ;; *) if [ -e "$1" ]; then realpath "$1"; else echo "$1"; fi ;; esac; }
SPIDER=$(absolute "$SPIDER")
ADAPTER=${ADAPTER:+$(absolute "$ADAPTER")}
OUT=${OUT:-../../students/$NAME$TOY}
mkdir -p "$OUT/done"
OUT=$(realpath "$OUT")

if [ -z "${ARM:-}" ]; then
  if [ "$(uname -sm)" = "Darwin arm64" ]; then ARM=mlx; elif command -v nvidia-smi >/dev/null; then ARM=cuda; else ARM=cpu; fi
fi
case $ARM in
  cpu) UV_GROUPS=() ;;
  mlx) UV_GROUPS=(--group mlx) ;;
  cuda) UV_GROUPS=(--group cuda --group four-bit) ;;
esac
python() { uv run --quiet --python 3.11 ${UV_GROUPS[@]+"${UV_GROUPS[@]}"} python "$@"; }
setting() { python -m tabletalk_training.config "$CONFIG" "$ARM" "$1"; }
FULL=$(setting full)
[ "$FULL" = false ] || ARM=cpu
# What the card calls it: the config's model, which a folder or file is a copy of.
BASE_NAME=$(setting base_model)
BASE=$(absolute "${BASE:-$BASE_NAME}")
[ -n "$BASE_NAME" ] && [ "$BASE_NAME" != None ] || BASE_NAME=$(basename "$BASE")
LICENCE=${LICENCE:-$(setting base_licence)}
AWARE=$(python -c "import sys; print(float(sys.argv[1]) < 1)" "$(setting quantize_from)")

# Runs a command unless it has ended well before; says how long it took.
stage() {
  local name=$1 begun=$SECONDS
  shift
  if [ -e "$OUT/done/$name" ]; then echo "== $name: done before, $(cat "$OUT/done/$name") s"; return; fi
  echo "== $name: $*"
  "$@"
  echo $((SECONDS - begun)) >"$OUT/done/$name"
  echo "== $name: $((SECONDS - begun)) s"
}

# For the card.
TRAINED_ON=$([ -z "${DATA:-}" ] && echo "Spider train_spider and train_others, gold queries in one style" || basename "$DATA")
RECIPE="training/run_student.sh $CONFIG, $ARM arm${ADAPTER:+, adapter $(basename "$ADAPTER")}"

# 1. Data: prompts exactly as the app builds them, for training and for the questions of dev.
stage data npm --prefix .. --silent run prepare-data -- --spider "$SPIDER" --out "$OUT/data"
DATA=$(absolute "${DATA:-$OUT/data/train.jsonl}")

# 2. Base: the model's folder, downloaded where BASE is a hub id; its vocabulary cut if that is asked for.
if [ -f "$BASE" ]; then
  stage unpack uv run --quiet --project ../model-build tabletalk-model unpack-gguf "$BASE" "$OUT/unpacked" --dtype bfloat16
  FOLDER=$OUT/unpacked
else
  FOLDER=$(python -m tabletalk_training.hub "$BASE")
fi
if [ -n "${VOCABULARY:-}" ]; then
  stage vocabulary python -m tabletalk_training.vocabulary "$FOLDER" "$OUT/base" --size "$VOCABULARY" --text "$DATA"
  FOLDER=$OUT/base
fi

# 3. Training: a checkpoint every few minutes; the log and the adapter (full: the weights) are in OUT/run.
case $ARM in cpu) PROGRAM=train ;; *) PROGRAM=${ARM}_train ;; esac
if [ -z "${ADAPTER:-}" ]; then
  stage train python -m "tabletalk_training.$PROGRAM" "$CONFIG" --model "$FOLDER" --data "$DATA" --out "$OUT/run" ${SETTINGS[@]+"${SETTINGS[@]}"}
fi
ADAPTER=${ADAPTER:-$OUT/run/adapter}

# 4. Fuse: the adapter into the base, checked by logits. A run of all weights is exported, on the grid if it was trained on it.
GRID=(--grid); PLAIN=()
[ "$AWARE" = True ] || { GRID=(); PLAIN=(--plain); }
if [ "$FULL" = true ]; then
  stage fuse python -m tabletalk_training.export "$OUT/run" --base "$FOLDER" --out "$OUT/fused" ${PLAIN[@]+"${PLAIN[@]}"}
else
  # Killed after the last rename and before the mark: it is whole, since it only appears once it is checked.
  if [ -e "$OUT/fused" ] && [ ! -e "$OUT/done/fuse" ]; then echo 0 >"$OUT/done/fuse"; fi
  stage fuse python -m tabletalk_training.fuse "$FOLDER" "$ADAPTER" "$OUT/fused" --prompts "$DATA" ${GRID[@]+"${GRID[@]}"}
fi

# 5. Four bits: round to the deployed grid so that answers change least. Students that were trained on rounded weights are there already.
STUDENT=$OUT/fused
if [ "$AWARE" = False ]; then
  STUDENT=$OUT/student
  stage round python -m tabletalk_training.calibrate "$OUT/fused" --data "$DATA" --out "$STUDENT" --method "${ROUNDING:-gptq}" --examples "$CALIBRATION"
fi

# 6. Compile: the folder that the browser loads, with WebGPU libraries, hashes and a card.
stage compile uv run --quiet --project ../model-build tabletalk-model build --weights "$STUDENT" --id "tabletalk-$NAME" --out "$OUT/model" --libraries "$LIBRARIES" \
  --base-model "$BASE_NAME" --licence "$LICENCE" --training-data "$TRAINED_ON" --recipe "$RECIPE" --prompt-style compact \
  --schema-budget "${SCHEMA:-400}" --title "${TITLE:-Tabletalk $NAME}"

# 7. Evaluate: the folder's own 4-bit weights answer Spider's dev questions; the official verdict on each, alone and after the repair, goes into the card.
stage predict npm --prefix .. --silent run predict -- --model "$OUT/model" --spider "$SPIDER" --out "$OUT/predictions.jsonl" --engines "${ENGINES:-1}" ${LIMIT[@]+"${LIMIT[@]}"}
stage repair npm --prefix .. --silent run repair -- --predictions "$OUT/predictions.jsonl" --spider "$SPIDER" --out "$OUT/repaired.jsonl"
npm --prefix .. --silent run evaluate -- --predictions "$OUT/predictions.jsonl" --spider "$SPIDER" --json | tee "$OUT/score.json"
npm --prefix .. --silent run evaluate -- --predictions "$OUT/repaired.jsonl" --spider "$SPIDER" --json | tee "$OUT/score-repaired.json"
uv run --quiet --project ../model-build tabletalk-model note-accuracy "$OUT/model" --score "$OUT/score.json" --repaired "$OUT/score-repaired.json"
