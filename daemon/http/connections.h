/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_CONNECTIONS_H
#define SAMPLER_HTTP_CONNECTIONS_H

#include <h2o.h>
#include <stdbool.h>

void connections_end_stuck(h2o_context_t *context);
void connections_end_idle(h2o_context_t *context, bool untouched_too);
void connections_end_waited_for(h2o_context_t *context);
void connections_end_all(h2o_context_t *context);

#endif
