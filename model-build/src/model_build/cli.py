"""tabletalk-model: the command line."""

import argparse
import json
import re
import sys
from pathlib import Path

from .errors import BuildError


def _build(args: argparse.Namespace) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", args.id):
        raise BuildError(f"{args.id!r} cannot be a model id; use small letters, digits, dots and hyphens.")
    from .build import BuildRequest, build_folder
    from .folder import CardFacts

    facts = CardFacts(args.title, args.base_model, args.licence, args.training_data, args.recipe, args.prompt_style)
    request = BuildRequest(
        args.weights, args.id, Path(args.out), facts, args.embedding_bits, args.context, args.chunk, args.rounding, tuple(args.libraries.split(","))
    )
    build_folder(request, say=lambda line: print(line, flush=True))


def _unpack_gguf(args: argparse.Namespace) -> None:
    from .gguf_checkpoint import unpack_gguf

    unpack_gguf(Path(args.file), Path(args.out), args.dtype)


def _verify(args: argparse.Namespace) -> None:
    from .folder import open_model_folder

    folder = open_model_folder(Path(args.folder))
    print(f"{len(folder.card['files'])} files, {folder.card['bytes']} bytes: all as the card says.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tabletalk-model", description="Language model weights to a folder that the browser runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="make a model folder: shards, libraries, chat config, tokenizer, card")
    build.add_argument("--weights", required=True, help="Hugging Face folder, .gguf file, or hub id (owner/name[@revision])")
    build.add_argument("--id", required=True, help="name of the model; files are named after it")
    build.add_argument("--out", required=True, help="folder to write")
    build.add_argument("--embedding-bits", type=int, choices=(4, 8), default=8, help="bits of the token embedding and of an untied head (default 8)")
    build.add_argument("--context", type=int, default=2048, help="tokens of the context window (default 2048)")
    build.add_argument("--chunk", type=int, default=256, help="tokens of a prefill step (default 256)")
    build.add_argument("--rounding", choices=("search", "plain"), default="search", help="how scales are chosen (default search)")
    build.add_argument("--libraries", default="webgpu-f32,webgpu-f16,webgpu-f32-flat", help="which libraries to build, by comma")
    build.add_argument("--title", default="", help="for the card: the name that people see")
    build.add_argument("--base-model", default="", help="for the card: what the weights were made from")
    build.add_argument("--licence", default="", help="for the card: SPDX name of the weights' licence")
    build.add_argument("--training-data", default="none of ours", help="for the card")
    build.add_argument("--recipe", default="none: the base model as it is", help="for the card: how it was trained")
    build.add_argument(
        "--prompt-style", choices=("compact", "create-table"), default="create-table", help="for the card: the style of src/text-to-sql/prompt.ts"
    )
    build.set_defaults(run=_build)

    unpack = commands.add_parser("unpack-gguf", help="write a .gguf file as a Hugging Face folder")
    unpack.add_argument("file")
    unpack.add_argument("out")
    unpack.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    unpack.set_defaults(run=_unpack_gguf)

    verify = commands.add_parser("verify", help="check every file of a model folder against its card")
    verify.add_argument("folder")
    verify.set_defaults(run=_verify)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Ends with code 2 and one sentence on stderr for bad input."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except BuildError as error:
        print(f"tabletalk-model: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
