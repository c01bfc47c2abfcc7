"""peft-targets.json: which modules PEFT really adapts, asked of PEFT."""

import copy
import warnings
from pathlib import Path

from peft import get_peft_model
from peft.tuners.lora import LoraLayer

from store import FIXTURES, write_json
from tiny_models import TINY_MODELS, TinyModel, load_model, lora_config

SPECS = [
    {"target_modules": ["query", "value"]},
    {"target_modules": None},
    {"target_modules": ["attention.self.query"]},
    {"target_modules": ["self.query", "output.dense"]},
    {"target_modules": ["dense"]},
    {"target_modules": ["uery"]},
    {"target_modules": ["0.attention.self.key", "encoder.layer.1.intermediate.dense"]},
    {"target_modules": ["bert.encoder.layer.0.attention.self.query"]},
    {"target_modules": ["encoder.layer.0.attention.self.query"]},
    {"target_modules": r".*layer\.1\..*(query|key)"},
    {"target_modules": r"layer\.1\..*query"},
    {"target_modules": r"(bert|roberta)\.encoder\.layer\.[0-9]+\.(attention\.)?output\.dense"},
    {"target_modules": r".*\.(?P<kind>query|value)$"},
    {"target_modules": "query"},
    {"target_modules": "all-linear"},
    {"target_modules": "ALL-LINEAR"},
    {"target_modules": "all-linear", "exclude_modules": ["query", "output.dense"]},
    {"target_modules": "all-linear", "exclude_modules": r".*layer\.0\..*"},
    {"target_modules": ["query", "key"], "exclude_modules": ["layer.0.attention.self.key"]},
    {"target_modules": ["query", "value"], "layers_to_transform": [1]},
    {"target_modules": ["query", "value"], "layers_to_transform": 0},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": "layer"},
    {"target_modules": ["query", "value"], "layers_to_transform": [0],
     "layers_pattern": ["h", "layer"]},
    {"target_modules": ["query", "value"], "layers_to_transform": [0], "layers_pattern": "blocks"},
    {"target_modules": ["query", "value"], "layers_to_transform": [7]},
    {"target_modules": ["dense"], "layers_to_transform": [1]},
    {"target_modules": ["bert.encoder.layer.0.attention.self.query", "value"],
     "layers_to_transform": [1]},
    {"target_modules": ["query", "dense"], "modules_to_save": ["intermediate"]},
    {"target_modules": ["query", "value"],
     "rank_pattern": {"layer.1.attention.self.query": 8, "value": 2}},
    {"target_modules": ["query", "value"], "alpha_pattern": {"value": 64}, "use_rslora": True},
    {"target_modules": ["query", "value"],
     "rank_pattern": {r"^bert\.encoder\.layer\.0\..*": 2, r".*layer\.1.*": 1},
     "alpha_pattern": {r"layer\.\d+\.attention\.self\.query": 3}},
    {"target_modules": ["query", "value"], "rank_pattern": {"quer": 8, r"lay.*\.value": 2}},
]


def write_peft_targets() -> int:
    rows = []
    for tiny in TINY_MODELS:
        directory = FIXTURES / tiny.name / "model"
        rows += [{"model": tiny.name, "config": spec, **_resolve(tiny, directory, spec)}
                 for spec in SPECS]
    write_json(FIXTURES / "peft-targets.json", {"r": 4, "lora_alpha": 8, "cases": rows})
    return len(rows)


def _resolve(tiny: TinyModel, directory: Path, spec: dict) -> dict:
    base = load_model(tiny, directory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # A copy: PEFT appends the head's names to the list it is given.
            model = get_peft_model(base, lora_config(tiny, **copy.deepcopy(spec)))
        except (ValueError, KeyError) as problem:
            return {"error": type(problem).__name__, "modules": {}}
    prefix = "base_model.model."
    modules = {
        name.removeprefix(prefix): {
            "r": layer.r["default"],
            "lora_alpha": layer.lora_alpha["default"],
            "scaling": layer.scaling["default"],
        }
        for name, layer in sorted(model.named_modules()) if isinstance(layer, LoraLayer)
    }
    saved = model.peft_config["default"].modules_to_save
    return {"error": None, "modules": modules, "modules_to_save": sorted(saved or [])}
