/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_MODEL_SNAPSHOT_JSON_H
#define SAMPLER_MODEL_SNAPSHOT_JSON_H

#include "model/sample.h"

#include <jansson.h>

#define SNAPSHOT_JSON_SCHEMA 1

json_t *text_json(const char *text, size_t size);
json_t *text_or_null_json(const char *text, size_t size);
json_t *id_or_null_json(uint32_t id);
json_t *timestamp_json(uint64_t realtime_ns);
json_t *moment_json(uint64_t at_ns, uint64_t boottime_ns, uint64_t realtime_ns);
json_t *services_json(const char (*services)[SAMPLER_NAME_MAX]);
json_t *program_json(const struct sampler_meta *meta);
json_t *chain_json(const struct sampler_meta *meta);
json_t *snapshot_json(const struct sampler_meta *meta, const struct sample *sample);

#endif
