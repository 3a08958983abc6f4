/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_RECORD_JOURNAL_H
#define SAMPLER_RECORD_JOURNAL_H

void journal_start(const char *ifname);

#endif
