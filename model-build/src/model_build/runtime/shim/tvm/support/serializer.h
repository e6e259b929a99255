// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// Stand-in for a header that the apache-tvm wheel leaves out. The bytes must be those that TVM's compiler writes: little endian, numbers
// as they are, an enum as its underlying integer, text and containers as a 64-bit count and the elements, DLDataType as code, bits and lanes,
// DLDevice as two 32-bit integers.
#pragma once

#include <dlpack/dlpack.h>
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/string.h>
#include <tvm/support/io.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tvm {
namespace support {

template <typename T>
struct Serializer<T, std::enable_if_t<std::is_arithmetic_v<T> || std::is_enum_v<T>>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const T& value) { stream->Write(static_cast<const void*>(&value), sizeof(T)); }
  static bool Read(Stream* stream, T* value) { return stream->Read(static_cast<void*>(value), sizeof(T)) == sizeof(T); }
};

namespace internal {

inline void WriteCount(Stream* stream, size_t count) { stream->Write(static_cast<uint64_t>(count)); }

inline bool ReadCount(Stream* stream, size_t* count) {
  uint64_t value = 0;
  if (!stream->Read(&value)) return false;
  *count = static_cast<size_t>(value);
  return true;
}

template <typename Text>
struct TextSerializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const Text& text) {
    WriteCount(stream, text.size());
    if (text.size() != 0) stream->Write(static_cast<const void*>(text.data()), text.size());
  }
  static bool Read(Stream* stream, Text* text) {
    size_t count = 0;
    if (!ReadCount(stream, &count)) return false;
    std::string bytes(count, '\0');
    if (count != 0 && stream->Read(static_cast<void*>(bytes.data()), count) != count) return false;
    *text = Text(std::move(bytes));
    return true;
  }
};

}  // namespace internal

template <>
struct Serializer<std::string> : internal::TextSerializer<std::string> {};
template <>
struct Serializer<ffi::String> : internal::TextSerializer<ffi::String> {};
template <>
struct Serializer<ffi::Bytes> : internal::TextSerializer<ffi::Bytes> {};

template <typename T>
struct Serializer<std::vector<T>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::vector<T>& values) {
    internal::WriteCount(stream, values.size());
    for (const T& value : values) stream->Write(value);
  }
  static bool Read(Stream* stream, std::vector<T>* values) {
    size_t count = 0;
    if (!internal::ReadCount(stream, &count)) return false;
    values->clear();
    for (; count != 0; --count) {
      T value{};
      if (!stream->Read(&value)) return false;
      values->push_back(std::move(value));
    }
    return true;
  }
};

template <typename T>
struct Serializer<ffi::Array<T>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const ffi::Array<T>& values) {
    internal::WriteCount(stream, values.size());
    for (const T& value : values) stream->Write(value);
  }
  static bool Read(Stream* stream, ffi::Array<T>* values) {
    std::vector<T> read;
    if (!Serializer<std::vector<T>>::Read(stream, &read)) return false;
    *values = ffi::Array<T>(read.begin(), read.end());
    return true;
  }
};

template <typename A, typename B>
struct Serializer<std::pair<A, B>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::pair<A, B>& pair) {
    stream->Write(pair.first);
    stream->Write(pair.second);
  }
  static bool Read(Stream* stream, std::pair<A, B>* pair) { return stream->Read(&pair->first) && stream->Read(&pair->second); }
};

template <typename K, typename V>
struct Serializer<std::unordered_map<K, V>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::unordered_map<K, V>& map) {
    internal::WriteCount(stream, map.size());
    for (const auto& entry : map) {
      stream->Write(entry.first);
      stream->Write(entry.second);
    }
  }
  static bool Read(Stream* stream, std::unordered_map<K, V>* map) {
    size_t count = 0;
    if (!internal::ReadCount(stream, &count)) return false;
    map->clear();
    for (; count != 0; --count) {
      K key{};
      V value{};
      if (!stream->Read(&key) || !stream->Read(&value)) return false;
      (*map)[std::move(key)] = std::move(value);
    }
    return true;
  }
};

template <typename K, typename V>
struct Serializer<ffi::Map<K, V>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const ffi::Map<K, V>& map) {
    internal::WriteCount(stream, map.size());
    for (const auto& entry : map) {
      stream->Write(static_cast<K>(entry.first));
      stream->Write(static_cast<V>(entry.second));
    }
  }
  static bool Read(Stream* stream, ffi::Map<K, V>* map) {
    size_t count = 0;
    if (!internal::ReadCount(stream, &count)) return false;
    *map = ffi::Map<K, V>();
    for (; count != 0; --count) {
      K key{};
      V value{};
      if (!stream->Read(&key) || !stream->Read(&value)) return false;
      map->Set(std::move(key), std::move(value));
    }
    return true;
  }
};

template <>
struct Serializer<DLDataType> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const DLDataType& type) {
    stream->Write(type.code);
    stream->Write(type.bits);
    stream->Write(type.lanes);
  }
  static bool Read(Stream* stream, DLDataType* type) {
    return stream->Read(&type->code) && stream->Read(&type->bits) && stream->Read(&type->lanes);
  }
};

template <>
struct Serializer<DLDevice> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const DLDevice& device) {
    stream->Write(static_cast<int32_t>(device.device_type));
    stream->Write(static_cast<int32_t>(device.device_id));
  }
  static bool Read(Stream* stream, DLDevice* device) {
    int32_t type = 0, id = 0;
    if (!stream->Read(&type) || !stream->Read(&id)) return false;
    device->device_type = static_cast<DLDeviceType>(type);
    device->device_id = id;
    return true;
  }
};

}  // namespace support
}  // namespace tvm
