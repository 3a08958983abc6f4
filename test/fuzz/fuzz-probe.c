// SPDX-License-Identifier: MIT OR Apache-2.0
/* Whether clang can link a target; built when the build is set up, and never run. */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	return data && n ? 0 : 0;
}
