// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The configuration's keys, one row each: where it is kept, how it is read and written, what is
 * accepted, what it is when nobody says. Reading a file, options and printing all walk this table.
 */
#include "config-kinds.h"

#include "util/clock.h"

#include <stddef.h>

#define DAY	      (24 * 3600 * NSEC_PER_SEC)
#define HOUR	      (3600 * NSEC_PER_SEC)
#define MIN_TIMEOUT   (100 * NSEC_PER_MSEC) /* they are looked at ten times a second */
#define MAX_BANDWIDTH 1000000000000ULL	    /* bit/s */
#define MAX_URL	      1390		    /* leaves room for "https://" */
#define MAX_BYTES     1000000000000000000ULL
#define MAX_REQUESTS  1000000000000000000ULL
#define MAX_RATE      (10000000ULL * CONFIG_RATE_PARTS)
#define WHOLE	      1000000 /* ppm */

#define FIELD(member) offsetof(struct config, member)

#define A_FILE                                                                 \
	"a path of at most 255 characters, without quotes and semicolons, or " \
	"nothing for "
#define AN_OUTPUT      A_FILE "none; - is standard output"
#define A_MOST_LATENCY "a duration such as 50ms, up to 1h, or nothing for any"
#define A_SHARE	       "a share such as 1% or 99.5%, up to 100%, or nothing for any"

const struct config_row config_rows[N_KEYS] = {
	[KEY_URL] = { "target", "url", &config_url, FIELD(url_text), 1, MAX_URL,
		      "a URL such as http://192.0.2.1:8080/path", NULL },
	[KEY_PROTOCOL] = { "target", "protocol", &config_protocol, FIELD(tls), 0, 0,
			   "http or https", "http" },

	[KEY_METHOD] = { "traffic", "method", &config_method, FIELD(method), 0, 0,
			 "POST, PUT or PATCH, or GET, HEAD or DELETE, which have no payload",
			 "POST" },
	[KEY_HEADER] = { "traffic", "header", &config_header, FIELD(headers), 0, LOADGEN_MAX_HEADER,
			 "a header such as X-Test: value, at most 500 characters long, of which "
			 "there are at most 32, or nothing for none",
			 NULL },
	[KEY_BANDWIDTH] = { "traffic", "bandwidth", &config_bandwidth, FIELD(bandwidth_bps), 0,
			    MAX_BANDWIDTH,
			    "a bandwidth such as 10Mbps, 10Mbit/s or 100KB/s, up to 1Tbps, "
			    "or 0 for no limit",
			    "10Mbps" },
	[KEY_RATE] = { "traffic", "rate", &config_rate, FIELD(rate), 0, MAX_RATE,
		       "requests a second such as 100 or 0.5, up to 10000000 and exact to a "
		       "millionth, or 0 for no limit",
		       "0" },
	[KEY_RAMP] = { "traffic", "ramp", &config_time, FIELD(ramp_ns), 0, DAY,
		       "a duration such as 10s, up to 1d, or 0 for none", "0" },
	[KEY_CONNECTIONS] = { "traffic", "connections", &config_count32, FIELD(connections), 1,
			      LOADGEN_MAX_CONNECTIONS, "a number from 1 to 10000", "10" },
	[KEY_THREADS] = { "traffic", "threads", &config_count32, FIELD(threads), 1,
			  LOADGEN_MAX_THREADS, "a number from 1 to 256", "1" },
	[KEY_REQUEST_SIZE] = { "traffic", "request_size", &config_bytes, FIELD(request_size), 0,
			       LOADGEN_MAX_REQUEST,
			       "a size such as 1KB (1000 bytes), 1KiB (1024) or 512, up to 1GiB, "
			       "or 0 for no payload",
			       "1KB" },
	[KEY_LATENCY] = { "traffic", "latency", &config_time, FIELD(latency_ns), 0, HOUR,
			  "a duration such as 5ms or 1s, up to 1h, or 0 for none", "0" },

	[KEY_DURATION] = { "limits", "duration", &config_time, FIELD(duration_ns), 0, 366 * DAY,
			   "a duration such as 60s or 5min, up to 366d, or 0 for no limit", "0" },
	[KEY_TOTAL_SIZE] = { "limits", "total_size", &config_bytes, FIELD(total_size), 0, MAX_BYTES,
			     "a size such as 100MB, 1GiB or 5000000, up to 1000000TB, or 0 for no "
			     "limit",
			     "0" },
	[KEY_REQUESTS] = { "limits", "requests", &config_count, FIELD(requests), 0, MAX_REQUESTS,
			   "a number of requests up to 10^18, or 0 for no limit", "0" },
	[KEY_CONNECT_TIMEOUT] = { "limits", "connect_timeout", &config_time,
				  FIELD(connect_timeout_ns), MIN_TIMEOUT, HOUR,
				  "a duration such as 10s or 500ms, from 100ms to 1h", "10s" },
	[KEY_TIMEOUT] = { "limits", "timeout", &config_time, FIELD(timeout_ns), MIN_TIMEOUT, HOUR,
			  "a duration such as 30s or 500ms, from 100ms to 1h", "30s" },
	[KEY_GIVE_UP] = { "limits", "give_up", &config_time, FIELD(give_up_ns), 0, DAY,
			  "a duration such as 30s, up to 1d, or 0 for never", "30s" },

	[KEY_TLS_VERIFY] = { "tls", "tls_verify", &config_yes, FIELD(verify), 0, 0, "yes or no",
			     "yes" },
	[KEY_CA_FILE] = { "tls", "ca_file", &config_text, FIELD(ca_file), 0, LOADGEN_MAX_PATH,
			  A_FILE "the system's", "" },
	[KEY_CERT_FILE] = { "tls", "cert_file", &config_text, FIELD(cert_file), 0, LOADGEN_MAX_PATH,
			    A_FILE "none", "" },
	[KEY_KEY_FILE] = { "tls", "key_file", &config_text, FIELD(key_file), 0, LOADGEN_MAX_PATH,
			   A_FILE "cert_file's", "" },
	[KEY_SERVER_NAME] = { "tls", "server_name", &config_host, FIELD(server_name), 0, 255,
			      "a host name of at most 255 characters, or nothing for the url's",
			      "" },
	[KEY_MIN_VERSION] = { "tls", "min_version", &config_tls_version, FIELD(min_version), 0, 0,
			      "1.2 or 1.3", "1.2" },
	[KEY_SESSION_REUSE] = { "tls", "session_reuse", &config_yes, FIELD(session_reuse), 0, 0,
				"yes or no", "yes" },

	[KEY_QUIET] = { "output", "quiet", &config_yes, FIELD(quiet), 0, 0, "yes or no", "no" },
	[KEY_JSON] = { "output", "json", &config_text, FIELD(json), 0, LOADGEN_MAX_PATH, AN_OUTPUT,
		       "" },
	[KEY_NDJSON] = { "output", "ndjson", &config_text, FIELD(ndjson), 0, LOADGEN_MAX_PATH,
			 AN_OUTPUT, "" },
	[KEY_CSV] = { "output", "csv", &config_text, FIELD(csv), 0, LOADGEN_MAX_PATH, AN_OUTPUT,
		      "" },
	[KEY_HDR] = { "output", "hdr", &config_text, FIELD(hdr), 0, LOADGEN_MAX_PATH, AN_OUTPUT,
		      "" },

	[KEY_MAX_P50] = { "thresholds", "max_p50", &config_most_time, FIELD(max_p50_ns), 0, HOUR,
			  A_MOST_LATENCY, "" },
	[KEY_MAX_P99] = { "thresholds", "max_p99", &config_most_time, FIELD(max_p99_ns), 0, HOUR,
			  A_MOST_LATENCY, "" },
	[KEY_MAX_P99_9] = { "thresholds", "max_p99_9", &config_most_time, FIELD(max_p99_9_ns), 0,
			    HOUR, A_MOST_LATENCY, "" },
	[KEY_MAX_ERRORS] = { "thresholds", "max_errors", &config_share, FIELD(max_errors_ppm), 0,
			     WHOLE, A_SHARE, "" },
	[KEY_MIN_ACHIEVED] = { "thresholds", "min_achieved", &config_share, FIELD(min_achieved_ppm),
			       0, WHOLE, A_SHARE, "" },
};
