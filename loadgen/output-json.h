/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all reports in JSON are made of. */
#ifndef LOADGEN_OUTPUT_JSON_H
#define LOADGEN_OUTPUT_JSON_H

#include "output.h"

#include <jansson.h>

#define REPORT_SCHEMA 1

json_t *report_number(double value);
json_t *report_number_if(bool there, double value);
json_t *report_count(uint64_t value);
json_t *report_distribution(const struct distribution *d);
json_t *report_lateness(const struct stats *stats);
json_t *report_configuration(const struct config *config);
json_t *report_thresholds(const struct outcome *outcome, const struct stats *stats);
json_t *report_verification(const struct outcome *outcome);
json_t *report_notes(const struct outcome *outcome, const struct stats *stats);
json_t *raw_json_report(const struct outcome *outcome, const struct stats *stats);
void report_put(struct output *output, json_t *object, size_t flags);
void report_line(struct output *output, const struct outcome *outcome, const struct stats *stats);

#endif
