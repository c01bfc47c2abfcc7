#!/usr/bin/env bash
# Makes (or reuses) the Python environment of the reference, outside the repository.
# Usage: venv.sh [DIR]. Prints the path of its python as the last line.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
dir="${1:-${XDG_CACHE_HOME:-$HOME/.cache}/flatscape/reference-venv}"
stamp="$dir/requirements.installed"

if ! cmp -s "$here/requirements.txt" "$stamp"; then
  [ -x "$dir/bin/python" ] || "${PYTHON:-python3}" -m venv "$dir"
  # torch first and alone: whatever index pip is configured with decides CPU or CUDA, and the
  # packages installed afterwards then find it satisfied.
  "$dir/bin/python" -m pip install --quiet "$(grep '^torch==' "$here/requirements.txt")" >&2
  "$dir/bin/python" -m pip install --quiet -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$stamp"
fi
echo "$dir/bin/python"
