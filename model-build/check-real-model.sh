#!/usr/bin/env bash
# The slow checks of a built folder against the weights it was made from: check-real-model.sh FOLDER WEIGHTS
# Logits of the CPU build against PyTorch on the same dequantized weights; logits in Chromium however the prompt is split; greedy tokens of the
# WebGPU build against the CPU build on 20 prompts. Results go to reports/model-build.json.
set -euo pipefail
folder=$(realpath "$1") weights=$(realpath "$2")
cd "$(dirname "$0")"
exec uv run --quiet --group torch python tests/check_real_model.py "$folder" "$weights" ../reports/model-build.json
