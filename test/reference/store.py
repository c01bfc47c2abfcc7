"""Writing fixtures: JSON that round-trips doubles, safetensors, and adapters without paths."""

import json
import random
import shutil
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file

FIXTURES = Path(__file__).parent / "fixtures"


def seed_everything(seed: int) -> None:
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def write_json(path: Path, value) -> None:
    """Python prints the shortest decimal that reads back as the same double."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, allow_nan=False) + "\n", encoding="utf-8")


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    owned = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(owned, str(path), metadata={"format": "pt"})


def save_adapter(peft_model, directory: Path, base_name: str) -> None:
    """PEFT's own writer; the base is named, not located, so that no path is committed."""
    shutil.rmtree(directory, ignore_errors=True)
    peft_model.peft_config["default"].base_model_name_or_path = base_name
    peft_model.save_pretrained(str(directory), save_embedding_layers=False)
    (directory / "README.md").unlink(missing_ok=True)
    # Sets have no order: sort what came out of one, or the file changes from run to run.
    config_path = directory / "adapter_config.json"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    for field in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(field), list):
            config[field] = sorted(config[field])
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
