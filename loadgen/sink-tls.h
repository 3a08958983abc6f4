/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef LOADGEN_SINK_TLS_H
#define LOADGEN_SINK_TLS_H

#include "transport.h"
#include "util/address.h"
#include "util/error.h"

#include <openssl/types.h>

#define SINK_TICKET_KEY_SIZE 80 /* what SSL_CTX_set_tlsext_ticket_keys(3) wants */

/* What all workers show to clients; made once at the start, and nowhere written. */
struct sink_identity {
	EVP_PKEY *key;
	X509 *certificate;
	unsigned char ticket_key[SINK_TICKET_KEY_SIZE];
};

int sink_identity_make(const struct address *addresses, unsigned int n_addresses,
		       struct sink_identity *ret_identity, struct error *err);
void sink_identity_free(struct sink_identity *identity);

int sink_tls_context(const struct sink_identity *identity, SSL_CTX **ret_context,
		     struct error *err);
void sink_tls_transport(struct transport *ret_transport);

#endif
