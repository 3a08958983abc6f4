/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SAMPLER_HTTP_PROBLEM_H
#define SAMPLER_HTTP_PROBLEM_H

#define PROBLEM_TYPE "application/problem+json"

const char *problem_title(unsigned int status);
char *problem_body(unsigned int status, const char *detail);

#endif
