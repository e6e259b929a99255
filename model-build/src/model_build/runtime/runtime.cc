// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// The WebAssembly runtime of our model libraries as one unit: the runtime sources that the apache-tvm wheels carry, without RPC, sorting and
// testing, and the entry points that WebLLM's JavaScript side (tvmjs) calls.
#define TVM_LOG_DEBUG 0
#define TVM_LOG_CUSTOMIZE 1
#define TVM_FFI_USE_LIBBACKTRACE 0
#define TVM_FFI_ALWAYS_LOG_BEFORE_THROW 1

#include <tvm/ffi/any.h>
#include <tvm/ffi/reflection/registry.h>
#include <tvm/runtime/logging.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

// tvm-ffi: objects, functions, modules.
#include "ffi/backtrace.cc"
#include "ffi/container.cc"
#include "ffi/custom_allocator.cc"
#include "ffi/dtype.cc"
#include "ffi/error.cc"
#include "ffi/extra/env_c_api.cc"
#include "ffi/extra/env_context.cc"
#include "ffi/extra/json_parser.cc"
#include "ffi/extra/json_writer.cc"
#include "ffi/extra/library_module.cc"
#include "ffi/extra/library_module_system_lib.cc"
#include "ffi/extra/module.cc"
#include "ffi/function.cc"
#include "ffi/init_once.cc"
#include "ffi/object.cc"
#include "ffi/tensor.cc"

// TVM runtime: devices, tensors, memory.
#include "src/runtime/cpu_device_api.cc"
#include "src/runtime/device_api.cc"
#include "src/runtime/file_utils.cc"
#include "src/runtime/logging.cc"
#include "src/runtime/memory/memory_manager.cc"
#include "src/runtime/tensor.cc"
#include "src/runtime/timer.cc"
#include "src/runtime/workspace_pool.cc"

// Relax virtual machine and the KV cache.
#include "src/runtime/vm/attn_backend.cc"
#include "src/runtime/vm/builtin.cc"
#include "src/runtime/vm/bytecode.cc"
#include "src/runtime/vm/executable.cc"
#include "src/runtime/vm/kv_state.cc"
#include "src/runtime/vm/lm_support.cc"
#include "src/runtime/vm/paged_kv_cache.cc"
#include "src/runtime/vm/rnn_state.cc"
#include "src/runtime/vm/tensor_cache_support.cc"
#include "src/runtime/vm/vm.cc"
#include "web/emcc/webgpu_runtime.cc"

// Host code runs on one thread.
int TVMBackendParallelLaunch(FTVMParallelLambda body, void* data, int) {
  TVMParallelGroupEnv environment;
  environment.num_task = 1;
  return body(0, &environment, data);
}

int TVMBackendParallelBarrier(int, TVMParallelGroupEnv*) { return 0; }

// What tvmjs imports from and exports to the module.
extern "C" {

extern int TVMFFIWasmSafeCall(void* self, const TVMFFIAny* arguments, int32_t count, TVMFFIAny* result);
extern void TVMFFIWasmFunctionDeleter(void* self);

TVM_DLL void* TVMWasmAllocSpace(int size) { return new int64_t[(size + 7) / 8]; }

TVM_DLL void TVMWasmFreeSpace(void* space) { delete[] static_cast<int64_t*>(space); }

TVM_DLL int TVMFFIWasmFunctionCreate(void* self, TVMFFIObjectHandle* out) {
  return TVMFFIFunctionCreate(self, TVMFFIWasmSafeCall, TVMFFIWasmFunctionDeleter, out);
}

// The text stays valid until the next call.
TVM_DLL const char* TVMFFIWasmGetLastError() {
  static std::string text;
  text = tvm::ffi::details::MoveFromSafeCallRaised().what();
  return text.c_str();
}

}  // extern "C"

namespace tvm {
namespace runtime {

namespace detail {

[[noreturn]] void LogFatalImpl(const std::string& file, int line, const std::string& message) {
  std::cerr << "fatal: " << file << ":" << line << ": " << message << std::endl;
  std::abort();
}

void LogMessageImpl(const std::string& file, int line, int level, const std::string& message) {
  std::cout << "tvm (level " << level << "): " << file << ":" << line << ": " << message << std::endl;
}

}  // namespace detail

// Our shards are always "raw"; WebLLM sends them straight to the GPU and comes here only for a CPU tensor.
static void DecodeStorage(Tensor tensor, TVMFFIByteArray* bytes, ffi::String format, ffi::String dtype) {
  TVM_FFI_ICHECK(format == "raw") << "a tensor of " << dtype << " is stored as " << format << ", only raw is supported";
  tensor.CopyFromBytes(bytes->data, bytes->size);
}

// Rows of several [n, width] tensors below each other.
static Tensor ConcatEmbeddings(const std::vector<Tensor>& parts) {
  int64_t rows = 0;
  for (const Tensor& part : parts) rows += part->shape[0];
  Tensor all = Tensor::Empty({rows, parts[0]->shape[1]}, parts[0]->dtype, parts[0]->device);
  uint64_t offset = 0;
  for (const Tensor& part : parts) {
    DLTensor slot = *all.operator->();
    slot.shape = part->shape;
    slot.byte_offset = offset;
    Tensor::CopyFromTo(part.operator->(), &slot);
    offset += ffi::GetDataSize(*part.operator->());
  }
  return all;
}

TVM_FFI_STATIC_INIT_BLOCK() {
  namespace refl = tvm::ffi::reflection;
  refl::GlobalDef()
      .def_packed("tvmjs.array.decode_storage",
                  [](ffi::PackedArgs arguments, ffi::Any*) {
                    DecodeStorage(arguments[0].cast<Tensor>(), arguments[1].cast<TVMFFIByteArray*>(), arguments[2].cast<ffi::String>(),
                                  arguments[3].cast<ffi::String>());
                  })
      .def_packed("tvmjs.runtime.ArrayConcat",
                  [](ffi::PackedArgs arguments, ffi::Any* result) {
                    std::vector<Any> all;
                    for (int i = 0; i < arguments.size(); ++i) {
                      for (const Any& item : arguments[i].cast<ffi::Array<Any>>()) all.push_back(item);
                    }
                    *result = ffi::Array<Any>(all);
                  })
      .def_packed("tvmjs.runtime.ConcatEmbeddings",
                  [](ffi::PackedArgs arguments, ffi::Any* result) {
                    std::vector<Tensor> all;
                    for (int i = 0; i < arguments.size(); ++i) all.push_back(arguments[i].cast<Tensor>());
                    *result = ConcatEmbeddings(all);
                  })
      .def("tvmjs.runtime.TensorCopyFromBytes",
           [](Tensor tensor, TVMFFIByteArray* bytes) { tensor.CopyFromBytes(bytes->data, bytes->size); })
      .def("tvmjs.runtime.TensorCopyToBytes",
           [](Tensor tensor) -> ffi::Bytes {
             std::string bytes(ffi::GetDataSize(*tensor.operator->()), '\0');
             tensor.CopyToBytes(bytes.data(), bytes.size());
             return ffi::Bytes(std::move(bytes));
           })
      // Stands in for kernels that WebLLM's calls never reach (kv_cache.py).
      .def_packed("tabletalk.not_built", [](ffi::PackedArgs, ffi::Any*) {
        TVM_FFI_THROW(RuntimeError) << "this library has no kernel for forking or tree decoding";
      });
}

}  // namespace runtime
}  // namespace tvm
