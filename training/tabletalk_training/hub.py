"""A base model by folder or by hub id.

python -m tabletalk_training.hub MODEL        prints the folder, downloading it first where MODEL is a hub id
"""

import argparse
import sys
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError

from .config import BadConfig

FILES = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "*.safetensors", "model.safetensors.index.json"]


def model_folder(model: str) -> Path:
    """`model` if it is a folder with a model, else the folder that the hub's `model` was downloaded to. Raises BadConfig."""
    if not model:
        raise BadConfig("No base model is named: set base_model in the config, or give --model a Hugging Face folder or a hub id.")
    folder = Path(model)
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise BadConfig(f"{folder} holds no config.json: give a Hugging Face folder (model-build unpacks a GGUF file into one) or a hub id.")
        return folder
    try:
        return Path(snapshot_download(model, allow_patterns=FILES))
    except HFValidationError:
        raise BadConfig(
            f"There is no folder {model}, and it is no hub id either: give a Hugging Face folder or a name such as Qwen/Qwen2.5-0.5B-Instruct."
        ) from None
    except (OSError, RuntimeError) as error:  # no network, no such model, a gated one: the hub's errors are all OSErrors
        raise BadConfig(
            f"{model} is no folder here and could not be downloaded ({type(error).__name__}): check the name and the network, or give a folder."
        ) from None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    try:
        print(model_folder(arguments.parse_args().model))
    except BadConfig as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
