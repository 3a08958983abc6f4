/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_VERIFY_RAW_H
#define LOADGEN_VERIFY_RAW_H

#include "raw-account.h"
#include "verify-compare.h"
#include "verify-ports.h"

void verify_account(const struct raw_account *account, const struct verify_ports *ports,
		    struct verify_sent *ret);

#endif
