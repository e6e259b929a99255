"""The C++ runtime and a compiled model to one .wasm that WebLLM can instantiate."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import tvm
import tvm_ffi

from .build_options import BuildOptions
from .compile import Compiled, build_executable
from .decoder_config import DecoderConfig
from .errors import BuildError

SOURCE = Path(__file__).parent / "runtime"
# What WebLLM 0.2.86 (tvmjs) provides.
ALLOWED_IMPORTS = frozenset(
    "TVMFFIWasmSafeCall TVMFFIWasmFunctionDeleter emscripten_notify_memory_growth clock_time_get environ_get environ_sizes_get "
    "fd_close fd_read fd_seek fd_write proc_exit __cxa_thread_atexit __console_log".split()
)
COMPILE_FLAGS = (
    "-Oz", "-std=c++17", "-DNDEBUG", "-fno-rtti", "-Wno-ignored-attributes",
    "-D__PRETTY_FUNCTION__=__func__",  # whole template signatures in every message, with the file names of lambdas
)  # fmt: skip
# -O1 and the few passes below: emcc's own -Os runs all of wasm-opt for 95 CPU seconds to gain 0.5 of 3.5 MB.
LINK_FLAGS = (
    "-O1", "--no-entry", "-sWASM_BIGINT=1", "-sSTANDALONE_WASM=1", "-sALLOW_MEMORY_GROWTH=1", "-sERROR_ON_UNDEFINED_SYMBOLS=0",
    "-sINITIAL_MEMORY=64MB", "-g0",
)  # fmt: skip


# What a compiled model depends on, besides kernels/ and runtime/.
COMPILER_SOURCES = ("build_options.py", "compile.py", "decoder.py", "decoder_config.py", "kv_cache.py", "sampling.py", "table.py")
SHRINK_PASSES = ("--strip-debug", "--strip-producers", "--remove-unused-module-elements", "--duplicate-function-elimination")
FEATURES = ("--mvp-features", "--enable-bulk-memory", "--enable-sign-ext")


def cache_folder() -> Path:
    """Where what is slow to make is kept: $TABLETALK_MODEL_CACHE, else the user's cache folder."""
    base = os.environ.get("TABLETALK_MODEL_CACHE")
    if base:
        return Path(base)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tabletalk-model"


def find_emcc() -> str:
    found = shutil.which("emcc")
    if not found:
        raise BuildError("The compiler emcc (emscripten) is not installed; on Debian or Ubuntu: apt-get install emscripten.")
    return found


def _emcc(arguments: list[str], doing: str, cwd: Path | None = None) -> None:
    ran = subprocess.run([find_emcc(), *arguments], capture_output=True, text=True, cwd=cwd)
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise BuildError(f"emcc failed while {doing} ({last}); the tested version is Debian's emscripten 3.1.6.")


def runtime_object() -> Path:
    """The compiled runtime; made once (about 50 s) for a state of the sources, flags and tvm version."""
    state = hashlib.sha256(repr((COMPILE_FLAGS, tvm.__version__, tvm_ffi.__version__)).encode())
    for path in sorted(SOURCE.rglob("*")):
        if path.is_file():
            state.update(path.read_bytes())
    target = cache_folder() / f"runtime-{state.hexdigest()[:16]}.o"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Compiled through links with short relative names: messages of failed checks carry file names, and no path of this machine may get
        # into a library.
        for link, real in (("tvm", Path(tvm.__file__).parent), ("ffi", Path(tvm_ffi.__file__).parent), ("runtime", SOURCE)):
            (folder / link).symlink_to(real, target_is_directory=True)
        shim = "runtime/shim"
        includes = (shim, f"{shim}/src/runtime", f"{shim}/src/runtime/vm", "tvm", "tvm/include", "ffi/src", "ffi/include")
        command = [*COMPILE_FLAGS, *(f"-I{i}" for i in includes), "-c", "runtime/runtime.cc", "-o", "runtime.o"]
        _emcc(command, "compiling the runtime", cwd=folder)
        shutil.copy(folder / "runtime.o", target.with_suffix(".part"))
    target.with_suffix(".part").replace(target)
    return target


def library_state(config: DecoderConfig, options: BuildOptions) -> str:
    """A short hash of all that a compiled library depends on."""
    state = hashlib.sha256(repr((config, options, tvm.__version__, tvm_ffi.__version__, COMPILE_FLAGS, LINK_FLAGS, SHRINK_PASSES)).encode())
    here = Path(__file__).parent
    for path in sorted([*(here / name for name in COMPILER_SOURCES), *(here / "kernels").glob("*.py"), *SOURCE.rglob("*")]):
        if path.is_file():
            state.update(path.read_bytes())
    return state.hexdigest()[:16]


def build_library(config: DecoderConfig, options: BuildOptions, target: Path) -> None:
    """Compiles and links one library, or takes it from the cache: it depends on the model's shape only, never on the weights."""
    kept = cache_folder() / f"library-{library_state(config, options)}.wasm"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            made = Path(name) / target.name
            link_library(build_executable(config, options), made)
            os.replace(made, kept)
    shutil.copyfile(kept, target)


def link_library(compiled: Compiled, target: Path) -> None:
    """Writes `target`; raises BuildError if it imports what WebLLM cannot give."""
    runtime = runtime_object()

    def link(path, objects, **_):
        _emcc([*LINK_FLAGS, "-o", str(path), str(runtime), *map(str, objects)], "linking")

    link.object_format = "o"  # bitcode of TVM's newer LLVM would be refused
    with tempfile.TemporaryDirectory() as folder:
        compiled.executable.export_library(str(target), fcompile=link, workspace_dir=folder)
    _shrink(target)
    refused = sorted(set(imports_of(target.read_bytes())) - ALLOWED_IMPORTS)
    if refused:
        raise BuildError(f"{target.name} imports functions that WebLLM does not provide: {', '.join(refused)}; this is an error of model-build.")


def _shrink(library: Path) -> None:
    """Takes out names, unused and duplicate functions: 9.8 to 3.5 MB in 2 s. wasm-opt (binaryen) comes with emscripten."""
    tool = shutil.which("wasm-opt")
    if not tool:
        raise BuildError("The tool wasm-opt (binaryen) is not installed; on Debian or Ubuntu: apt-get install binaryen.")
    ran = subprocess.run([tool, *FEATURES, *SHRINK_PASSES, str(library), "-o", str(library)], capture_output=True, text=True)
    if ran.returncode:
        raise BuildError(f"wasm-opt could not shrink {library.name} ({(ran.stderr.strip().splitlines() or ['no message'])[-1]}); the tested version is 108.")
    library.chmod(0o644)


def imports_of(wasm: bytes) -> list[str]:
    """Names of the imported functions, from the import section (WebAssembly core specification, 5.5.5)."""
    at, names = 8, []

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = wasm[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(wasm):
        section = wasm[at]
        at += 1
        size = number()
        end = at + size
        if section == 2:
            for _ in range(number()):
                for _ in range(2):  # module, then name
                    length = number()
                    text = wasm[at : at + length].decode()
                    at += length
                names.append(text)
                kind = wasm[at]
                at += 1
                if kind != 0:
                    raise BuildError(f"The library imports {text}, which is not a function; this is an error of model-build.")
                number()
        at = end
    return names
