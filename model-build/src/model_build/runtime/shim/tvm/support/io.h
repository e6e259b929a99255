// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// Stand-in for a header that the apache-tvm wheel leaves out: a byte stream, and typed reads and writes on top of it.
#pragma once

#include <cstddef>

namespace tvm {
namespace support {

// A type is written by specialising this with enabled = true, Write(Stream*, const T&) and bool Read(Stream*, T*).
template <typename T, typename Enable = void>
struct Serializer {
  static constexpr bool enabled = false;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // Returns how many bytes were read; fewer than `size` at the end of the stream only.
  virtual size_t Read(void* data, size_t size) = 0;
  virtual size_t Write(const void* data, size_t size) = 0;

  template <typename T>
  bool Read(T* value) {
    static_assert(Serializer<T>::enabled, "this type has no serializer");
    return Serializer<T>::Read(this, value);
  }
  template <typename T>
  void Write(const T& value) {
    static_assert(Serializer<T>::enabled, "this type has no serializer");
    Serializer<T>::Write(this, value);
  }
  template <typename T>
  bool ReadArray(T* values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (!Read(values + i)) return false;
    }
    return true;
  }
  template <typename T>
  void WriteArray(const T* values, size_t count) {
    for (size_t i = 0; i < count; ++i) Write(values[i]);
  }
};

}  // namespace support
}  // namespace tvm
