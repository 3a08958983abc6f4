/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_TEST_PCAP_H
#define SAMPLER_TEST_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A classic capture file of Ethernet frames, read front to back; the file belongs to the caller. */
struct pcap {
	FILE *file;
	bool swapped;
};

int pcap_open(struct pcap *ret, FILE *file, const char **ret_reason);
int pcap_next(struct pcap *p, uint8_t *ret_frame, size_t max, size_t *ret_len,
	      const char **ret_reason);
void pcap_write_head(FILE *file, bool swapped);
void pcap_write_frame(FILE *file, bool swapped, const uint8_t *frame, size_t len);

#endif
