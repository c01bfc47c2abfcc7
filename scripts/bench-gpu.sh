#!/usr/bin/env bash
# The benchmark on a machine with an NVIDIA card: brings tensorflow-gpu, webgpu and a PyTorch with CUDA,
# each if it is not there yet, then measures them on the same card. Downloads several gigabytes.
# Usage: scripts/bench-gpu.sh [ARGUMENTS OF npm run bench]. Writes docs/benchmarks-gpu.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v nvidia-smi >/dev/null || ! nvidia-smi --query-gpu=name --format=csv,noheader; then
  echo "bench-gpu: nvidia-smi lists no card on this machine." >&2
  exit 1
fi

node scripts/setup.mjs
node esbuild.mjs
installed() { node dist/engine/cli.js backends probe "$1"; }
install() { node dist/engine/cli.js backends install "$@" --yes; }
# A current TensorFlow first, then the one that the package brings. Without either the benchmark goes
# on with what there is, and says what it left out, and why.
installed tensorflow-gpu || install tensorflow-gpu --source wheel ||
  install tensorflow-gpu --source official || echo "bench-gpu: no tensorflow-gpu." >&2
installed webgpu || install webgpu || echo "bench-gpu: no webgpu." >&2

# pip's index decides between CPU and CUDA (PIP_INDEX_URL), so this is an environment of its own.
python="$(test/reference/venv.sh "${XDG_CACHE_HOME:-$HOME/.cache}/flatscape/reference-venv-cuda" | tail -n 1)"
"$python" -c 'import sys, torch; sys.exit(0 if torch.cuda.is_available() else "bench-gpu: this PyTorch finds no CUDA device; set PIP_INDEX_URL to an index with CUDA builds.")' ||
  echo "bench-gpu: going on without PyTorch." >&2

exec node scripts/bench.mjs --gpu --python "$python" "$@"
