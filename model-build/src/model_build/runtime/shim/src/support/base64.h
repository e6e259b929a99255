// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// Stand-in for a header that the apache-tvm wheel leaves out: base64 over a stream. Only tensors written as JSON use it.
#pragma once

#include <tvm/ffi/extra/base64.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "bytes_io.h"

namespace tvm {
namespace support {

class Base64OutStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;
  explicit Base64OutStream(Stream* out) : out_(out) {}

  size_t Read(void*, size_t) final { return 0; }
  size_t Write(const void* data, size_t size) final {
    bytes_.append(static_cast<const char*>(data), size);
    return size;
  }
  void Finish() {
    const ffi::String text = ffi::Base64Encode(TVMFFIByteArray{bytes_.data(), bytes_.size()});
    out_->Write(static_cast<const void*>(text.data()), text.size());
  }

 private:
  Stream* out_;
  std::string bytes_;
};

class Base64InStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;
  explicit Base64InStream(Stream* in) : in_(in) {}

  void InitPosition() {
    std::string text;
    for (char letter; in_->Read(static_cast<void*>(&letter), 1) == 1;) text.push_back(letter);
    bytes_ = std::string(ffi::Base64Decode(TVMFFIByteArray{text.data(), text.size()}));
    next_ = 0;
  }
  size_t Read(void* data, size_t size) final {
    const size_t count = std::min(size, bytes_.size() - next_);
    if (count != 0) std::memcpy(data, bytes_.data() + next_, count);
    next_ += count;
    return count;
  }
  size_t Write(const void*, size_t) final { return 0; }

 private:
  Stream* in_;
  std::string bytes_;
  size_t next_ = 0;
};

}  // namespace support
}  // namespace tvm
