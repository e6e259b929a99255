// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// Stand-in for a header that the apache-tvm wheel leaves out: profiling ranges, which a browser has no use for.
#pragma once

#include <string>

namespace tvm {
namespace support {

struct NVTXScopedRange {
  explicit NVTXScopedRange(const std::string&) {}
};

}  // namespace support
}  // namespace tvm
