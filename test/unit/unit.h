/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every unit test includes: cmocka with the headers that it asks for, in its order. */
#ifndef SAMPLER_TEST_UNIT_H
#define SAMPLER_TEST_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#endif
