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

    facts = CardFacts(args.title, args.base_model, args.licence, args.training_data, args.recipe, args.prompt_style, args.schema_budget)
    request = BuildRequest(
        args.weights, args.id, Path(args.out), facts, args.embedding_bits, args.context, args.chunk, args.rounding, tuple(args.libraries.split(","))
    )
    build_folder(request, say=lambda line: print(line, flush=True))


def _unpack_gguf(args: argparse.Namespace) -> None:
    from .gguf_checkpoint import unpack_gguf

    unpack_gguf(Path(args.file), Path(args.out), args.dtype)


def _unpack_folder(args: argparse.Namespace) -> None:
    from .folder import open_model_folder
    from .unpack import unpack_folder

    unpack_folder(open_model_folder(Path(args.folder)), Path(args.out))


def _note_accuracy(args: argparse.Namespace) -> None:
    from .folder import note_accuracy

    print(json.dumps(note_accuracy(Path(args.folder), Path(args.score), Path(args.repaired) if args.repaired else None)))


def _verify(args: argparse.Namespace) -> None:
    from .folder import open_model_folder

    folder = open_model_folder(Path(args.folder))
    print(f"{len(folder.card['files'])} files, {folder.card['bytes']} bytes: all as the card says.")


def _serve_stdio(args: argparse.Namespace) -> None:
    from .folder import open_model_folder
    from .serve import serve

    serve(open_model_folder(Path(args.folder), verify=not args.no_verify))


def _predict(args: argparse.Namespace) -> None:
    from .folder import open_model_folder
    from .serve import Answerer

    answer = Answerer(open_model_folder(Path(args.folder))).answer(args.prefix, args.suffix, args.max_tokens)
    print(answer["text"])


def _perplexity(args: argparse.Namespace) -> None:
    from .perplexity import native_perplexity, spider_texts, torch_perplexity

    texts = spider_texts(Path(args.spider), args.questions)
    path = Path(args.model)
    if (path / "model-card.json").exists():
        from .folder import open_model_folder

        print(f"{args.model}: {native_perplexity(open_model_folder(path), texts):.4f}")
        return
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise BuildError("Unquantized weights are run by PyTorch, which is not installed; add: uv run --group torch.") from error
    from tokenizers import Tokenizer

    from .checkpoint import open_checkpoint
    from .folder import stop_tokens

    checkpoint = open_checkpoint(args.model)
    if not (checkpoint.folder / "tokenizer.json").exists():
        raise BuildError(f"There is no tokenizer.json in {checkpoint.folder}; save the model's fast tokenizer there.")
    tokenizer = Tokenizer.from_file(str(checkpoint.folder / "tokenizer.json"))
    stop = stop_tokens(checkpoint, tokenizer)[0]
    for rounding, bits in (("none", 0), ("plain", 4), ("search", 4), ("search", 8)):
        value = torch_perplexity(checkpoint, tokenizer, texts, stop, rounding, bits)
        print(f"{rounding} rounding" + (f", embedding {bits} bits" if bits else "") + f": {value:.4f}", flush=True)


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
    build.add_argument("--schema-budget", type=int, default=None, help="for the card: tokens of the prompt that the schema may take (default: what fits)")
    build.set_defaults(run=_build)

    unpack = commands.add_parser("unpack-gguf", help="write a .gguf file as a Hugging Face folder")
    unpack.add_argument("file")
    unpack.add_argument("out")
    unpack.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    unpack.set_defaults(run=_unpack_gguf)

    unpack_built = commands.add_parser("unpack-folder", help="write a model folder's 4-bit weights as a Hugging Face folder, to train it further")
    unpack_built.add_argument("folder")
    unpack_built.add_argument("out")
    unpack_built.set_defaults(run=_unpack_folder)

    note = commands.add_parser("note-accuracy", help="put what `npm run evaluate -- --json` counted into a model folder's card")
    note.add_argument("folder")
    note.add_argument("--score", required=True, help="the counts of the folder's predictions")
    note.add_argument("--repaired", default=None, help="the counts of the same after `npm run repair`")
    note.set_defaults(run=_note_accuracy)

    verify = commands.add_parser("verify", help="check every file of a model folder against its card")
    verify.add_argument("folder")
    verify.set_defaults(run=_verify)

    serve = commands.add_parser("serve-stdio", help="answer JSON requests, one a line, from a model folder on this CPU")
    serve.add_argument("folder")
    serve.add_argument("--no-verify", action="store_true", help="do not check the files' hashes first")
    serve.set_defaults(run=_serve_stdio)

    predict = commands.add_parser("predict", help="answer one prompt from a model folder on this CPU")
    predict.add_argument("folder")
    predict.add_argument("--prefix", default="")
    predict.add_argument("--suffix", required=True)
    predict.add_argument("--max-tokens", type=int, default=128)
    predict.set_defaults(run=_predict)

    perplexity = commands.add_parser("perplexity", help="perplexity of Spider's gold SQL: of a model folder, or of weights under each rounding")
    perplexity.add_argument("model", help="a model folder, or what build --weights takes")
    perplexity.add_argument("--spider", required=True, help="path of Spider's dev.json")
    perplexity.add_argument("--questions", type=int, default=100, help="how many, evenly spread (default 100)")
    perplexity.set_defaults(run=_perplexity)
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
