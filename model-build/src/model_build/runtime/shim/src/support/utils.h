// Copyright Tabletalk contributors. SPDX-License-Identifier: Apache-2.0
// Stand-in for a header that the apache-tvm wheel leaves out: the sources we compile include it and use nothing of it.
#pragma once

#include <tvm/ffi/string.h>
