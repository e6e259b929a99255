#!/usr/bin/env bash
# Every arm at toy size, in an environment of its own (uv makes it; the first time it downloads torch).
set -euo pipefail
cd "$(dirname "$0")"
export PATH="$PATH:$HOME/.local/bin"
if ! command -v uv >/dev/null; then
  python3 -m pip install --quiet --user uv==0.13.9 2>/dev/null || python3 -m pip install --quiet --user --break-system-packages uv==0.13.9
fi
# An idle OpenMP thread would spin and take the core from the other tests.
export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1
uv run --quiet --python 3.11 --group mlx --group cuda pytest -q "$@"
