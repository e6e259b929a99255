#!/usr/bin/env bash
# Sets model-build up (uv, then its virtual environment) and runs its tests; arguments go to pytest. Needs emscripten, Node and Chromium.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v uv >/dev/null; then
  python3 -m pip install --quiet --user uv==0.13.9 2>/dev/null || python3 -m pip install --quiet --user --break-system-packages uv==0.13.9
  export PATH="$HOME/.local/bin:$PATH"
fi
if ! command -v emcc >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends emscripten >/dev/null
fi
exec uv run --quiet python -m pytest -q "$@"
