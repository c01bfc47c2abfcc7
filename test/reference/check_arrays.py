"""Reads the results of an inspection with safetensors.numpy, as a user would.

    check_arrays.py DIRECTORY OUT_JSON

Writes, for each result of results.json, its arrays as nested lists with their dtype; NaN as "NaN".
"""

import json
import math
import sys
from pathlib import Path

from safetensors.numpy import load_file


def main() -> None:
    directory, out = Path(sys.argv[1]), Path(sys.argv[2])
    arrays = load_file(str(directory / "arrays.safetensors"))
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))["results"]
    found = [{field: {"dtype": str(arrays[name].dtype), "values": _plain(arrays[name].tolist())}
              for field, name in result["arrays"].items()} for result in results]
    out.write_text(json.dumps(found, allow_nan=False), encoding="utf-8")


def _plain(value):
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if math.isfinite(value) else "NaN"


if __name__ == "__main__":
    main()
