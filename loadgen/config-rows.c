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
#define RAW(member)   offsetof(struct config, raw.member)

#define A_FILE                                                                 \
	"a path of at most 255 characters, without quotes and semicolons, or " \
	"nothing for "
#define AN_OUTPUT      A_FILE "none; - is standard output"
#define A_MOST_LATENCY "a duration such as 50ms, up to 1h, or nothing for any"
#define AN_ADDRESS     "an IPv4 address, an IPv6 address or both, such as 198.18.0.2 2001:2::2"
#define A_MAC	       "an address such as 02:00:00:00:00:01, or nothing for "
#define A_SHARE	       "a share such as 1% or 99.5%, up to 100%, or nothing for any"

const struct config_row config_rows[N_KEYS] = {
	[KEY_URL] = { "target", "url", &config_url, FIELD(url_text), 1, MAX_URL,
		      "a URL such as http://192.0.2.1:8080/path", NULL, BY_HTTP },
	[KEY_PROTOCOL] = { "target", "protocol", &config_protocol, FIELD(protocol), 0, 0,
			   "http, https or raw", "http", BY_ALL },

	[KEY_METHOD] = { "traffic", "method", &config_method, FIELD(method), 0, 0,
			 "POST, PUT or PATCH, or GET, HEAD or DELETE, which have no payload",
			 "POST", BY_HTTP },
	[KEY_HEADER] = { "traffic", "header", &config_header, FIELD(headers), 0, LOADGEN_MAX_HEADER,
			 "a header such as X-Test: value, at most 500 characters long, of which "
			 "there are at most 32, or nothing for none",
			 NULL, BY_HTTP },
	[KEY_BANDWIDTH] = { "traffic", "bandwidth", &config_bandwidth, FIELD(bandwidth_bps), 0,
			    MAX_BANDWIDTH,
			    "a bandwidth such as 10Mbps, 10Mbit/s or 100KB/s, up to 1Tbps, "
			    "or 0 for no limit",
			    "10Mbps", BY_ALL },
	[KEY_RATE] = { "traffic", "rate", &config_rate, FIELD(rate), 0, MAX_RATE,
		       "requests a second such as 100 or 0.5, up to 10000000 and exact to a "
		       "millionth, or 0 for no limit",
		       "0", BY_ALL },
	[KEY_RAMP] = { "traffic", "ramp", &config_time, FIELD(ramp_ns), 0, DAY,
		       "a duration such as 10s, up to 1d, or 0 for none", "0", BY_ALL },
	[KEY_CONNECTIONS] = { "traffic", "connections", &config_count32, FIELD(connections), 1,
			      LOADGEN_MAX_CONNECTIONS, "a number from 1 to 10000", "10", BY_HTTP },
	[KEY_THREADS] = { "traffic", "threads", &config_count32, FIELD(threads), 1,
			  LOADGEN_MAX_THREADS, "a number from 1 to 256", "1", BY_ALL },
	[KEY_REQUEST_SIZE] = { "traffic", "request_size", &config_bytes, FIELD(request_size), 0,
			       LOADGEN_MAX_REQUEST,
			       "a size such as 1KB (1000 bytes), 1KiB (1024) or 512, up to 1GiB, "
			       "or 0 for no payload",
			       "1KB", BY_HTTP },
	[KEY_LATENCY] = { "traffic", "latency", &config_time, FIELD(latency_ns), 0, HOUR,
			  "a duration such as 5ms or 1s, up to 1h, or 0 for none", "0", BY_HTTP },

	[KEY_DURATION] = { "limits", "duration", &config_time, FIELD(duration_ns), 0, 366 * DAY,
			   "a duration such as 60s or 5min, up to 366d, or 0 for no limit", "0",
			   BY_ALL },
	[KEY_TOTAL_SIZE] = { "limits", "total_size", &config_bytes, FIELD(total_size), 0, MAX_BYTES,
			     "a size such as 100MB, 1GiB or 5000000, up to 1000000TB, or 0 for no "
			     "limit",
			     "0", BY_ALL },
	[KEY_REQUESTS] = { "limits", "requests", &config_count, FIELD(requests), 0, MAX_REQUESTS,
			   "a number of requests up to 10^18, or 0 for no limit", "0", BY_HTTP },
	[KEY_FRAMES] = { "limits", "frames", &config_count, RAW(frames), 0, MAX_REQUESTS,
			 "a number of frames up to 10^18, or 0 for no limit", "0", BY_RAW },
	[KEY_CONNECT_TIMEOUT] = { "limits", "connect_timeout", &config_time,
				  FIELD(connect_timeout_ns), MIN_TIMEOUT, HOUR,
				  "a duration such as 10s or 500ms, from 100ms to 1h", "10s",
				  BY_HTTP },
	[KEY_TIMEOUT] = { "limits", "timeout", &config_time, FIELD(timeout_ns), MIN_TIMEOUT, HOUR,
			  "a duration such as 30s or 500ms, from 100ms to 1h", "30s", BY_HTTP },
	[KEY_GIVE_UP] = { "limits", "give_up", &config_time, FIELD(give_up_ns), 0, DAY,
			  "a duration such as 30s, up to 1d, or 0 for never", "30s", BY_ALL },

	[KEY_TLS_VERIFY] = { "tls", "tls_verify", &config_yes, FIELD(verify), 0, 0, "yes or no",
			     "yes", BY_HTTP },
	[KEY_CA_FILE] = { "tls", "ca_file", &config_text, FIELD(ca_file), 0, LOADGEN_MAX_PATH,
			  A_FILE "the system's", "", BY_HTTP },
	[KEY_CERT_FILE] = { "tls", "cert_file", &config_text, FIELD(cert_file), 0, LOADGEN_MAX_PATH,
			    A_FILE "none", "", BY_HTTP },
	[KEY_KEY_FILE] = { "tls", "key_file", &config_text, FIELD(key_file), 0, LOADGEN_MAX_PATH,
			   A_FILE "cert_file's", "", BY_HTTP },
	[KEY_SERVER_NAME] = { "tls", "server_name", &config_host, FIELD(server_name), 0, 255,
			      "a host name of at most 255 characters, or nothing for the url's", "",
			      BY_HTTP },
	[KEY_MIN_VERSION] = { "tls", "min_version", &config_tls_version, FIELD(min_version), 0, 0,
			      "1.2 or 1.3", "1.2", BY_HTTP },
	[KEY_SESSION_REUSE] = { "tls", "session_reuse", &config_yes, FIELD(session_reuse), 0, 0,
				"yes or no", "yes", BY_HTTP },

	[KEY_INTERFACE] = { "raw", "interface", &config_text, RAW(interface), 0, IF_NAMESIZE - 1,
			    "the name of an interface, of at most 15 characters", "", BY_RAW },
	[KEY_DESTINATION] = { "raw", "destination", &config_addresses, RAW(destination), 0, 0,
			      AN_ADDRESS, "", BY_RAW },
	[KEY_SOURCE] = { "raw", "source", &config_addresses, RAW(source), 0, 0,
			 AN_ADDRESS ", or nothing for the interface's", "", BY_RAW },
	[KEY_DESTINATION_MAC] = { "raw", "destination_mac", &config_mac, RAW(destination_mac), 0, 0,
				  A_MAC "the next hop's, by route and neighbour", "", BY_RAW },
	[KEY_SOURCE_MAC] = { "raw", "source_mac", &config_mac, RAW(source_mac), 0, 0,
			     A_MAC "the interface's", "", BY_RAW },
	[KEY_MIX] = { "raw", "mix", &config_mix, RAW(mix), 0, 0,
		      "kinds of frames, each with its weight if that is not 1, such as udp4 or "
		      "udp4:7 tcp6:2 arp, at most 48, with weights up to 1000",
		      "udp4", BY_RAW },
	[KEY_FRAME_SIZE] = { "raw", "frame_size", &config_sizes, RAW(sizes), RAW_MIN_FRAME,
			     RAW_MAX_FRAME,
			     "bytes without FCS such as 60, 60-1514, imix, or a list with weights "
			     "such as 60:7 590:4 1514:1, at most 32, from 14 to 65535",
			     "60", BY_RAW },
	[KEY_PORT] = { "raw", "port", &config_range, RAW(port), 0, 0,
		       "a port or a range such as 80 or 80-89, up to 65535", "9", BY_RAW },
	[KEY_SOURCE_PORT] = { "raw", "source_port", &config_range, RAW(source_port), 0, 0,
			      "a port or a range such as 1024 or 1024-65535, up to 65535",
			      "1024-65535", BY_RAW },
	[KEY_TCP_FLAGS] = { "raw", "tcp_flags", &config_tcp_flags, RAW(tcp_flags), 0, 0,
			    "some of fin, syn, rst, psh, ack, urg, ece and cwr, such as syn+ack, "
			    "or "
			    "none",
			    "ack", BY_RAW },
	[KEY_VLAN] = { "raw", "vlan", &config_vlan, RAW(vlan), 0, 0,
		       "a VLAN such as 100, or outer and inner such as 100.200, up to 4094, or "
		       "nothing "
		       "for none",
		       "", BY_RAW },
	[KEY_TTL] = { "raw", "ttl", &config_count32, RAW(ttl), 1, 255, "a number from 1 to 255",
		      "1", BY_RAW },
	[KEY_FLOWS] = { "raw", "flows", &config_count32, RAW(flows), 1, RAW_MAX_FLOWS,
			"a number from 1 to 1048576", "1", BY_RAW },
	[KEY_FLOW_ORDER] = { "raw", "flow_order", &config_flow_order, RAW(flow_order), 0, 0,
			     "round-robin, uniform or zipf", "round-robin", BY_RAW },
	[KEY_BURST] = { "raw", "burst", &config_count32, RAW(burst), 1, RAW_MAX_BURST,
			"a number of frames from 1 to 1000000", "1", BY_RAW },
	[KEY_BANDWIDTH_LAYER] = { "raw", "bandwidth_layer", &config_layer, RAW(layer1), 0, 0,
				  "2 (frames without FCS) or 1 (with FCS, preamble and gap)", "2",
				  BY_RAW },
	[KEY_SOCKET] = { "raw", "socket", &config_socket, RAW(socket), 0, 0, "packet or xdp",
			 "packet", BY_RAW },
	[KEY_QDISC_BYPASS] = { "raw", "qdisc_bypass", &config_yes, RAW(past_qdisc), 0, 0,
			       "yes or no", "no", BY_RAW },
	[KEY_PCAP] = { "raw", "pcap", &config_text, RAW(pcap), 0, LOADGEN_MAX_PATH,
		       A_FILE "frames that are made", "", BY_RAW },
	[KEY_PCAP_SPEED] = { "raw", "pcap_speed", &config_speed, RAW(speed), 0,
			     1000ULL * RAW_SPEED_PARTS,
			     "a factor such as 1, 0.5 or 10, up to 1000 and exact to a thousandth, "
			     "or 0 for rate or bandwidth",
			     "1", BY_RAW },
	[KEY_LOOPS] = { "raw", "loops", &config_count, RAW(loops), 0, RAW_MAX_LOOPS,
			"a number up to 1000000000, or 0 for no limit", "1", BY_RAW },
	[KEY_ALLOW_ANY_DESTINATION] = { "raw", "allow_any_destination", &config_yes,
					RAW(allow_any_destination), 0, 0, "yes or no", "no",
					BY_RAW },
	[KEY_ALLOW_ANY_SOURCE] = { "raw", "allow_any_source", &config_yes, RAW(allow_any_source), 0,
				   0, "yes or no", "no", BY_RAW },
	[KEY_ALLOW_MULTICAST] = { "raw", "allow_multicast", &config_yes, RAW(allow_multicast), 0, 0,
				  "yes or no", "no", BY_RAW },
	[KEY_ALLOW_DEFAULT_ROUTE] = { "raw", "allow_default_route", &config_yes,
				      RAW(allow_default_route), 0, 0, "yes or no", "no", BY_RAW },

	[KEY_QUIET] = { "output", "quiet", &config_yes, FIELD(quiet), 0, 0, "yes or no", "no",
			BY_ALL },
	[KEY_JSON] = { "output", "json", &config_text, FIELD(json), 0, LOADGEN_MAX_PATH, AN_OUTPUT,
		       "", BY_ALL },
	[KEY_NDJSON] = { "output", "ndjson", &config_text, FIELD(ndjson), 0, LOADGEN_MAX_PATH,
			 AN_OUTPUT, "", BY_ALL },
	[KEY_CSV] = { "output", "csv", &config_text, FIELD(csv), 0, LOADGEN_MAX_PATH, AN_OUTPUT, "",
		      BY_ALL },
	[KEY_HDR] = { "output", "hdr", &config_text, FIELD(hdr), 0, LOADGEN_MAX_PATH, AN_OUTPUT, "",
		      BY_HTTP },

	[KEY_MAX_P50] = { "thresholds", "max_p50", &config_most_time, FIELD(max_p50_ns), 0, HOUR,
			  A_MOST_LATENCY, "", BY_HTTP },
	[KEY_MAX_P99] = { "thresholds", "max_p99", &config_most_time, FIELD(max_p99_ns), 0, HOUR,
			  A_MOST_LATENCY, "", BY_HTTP },
	[KEY_MAX_P99_9] = { "thresholds", "max_p99_9", &config_most_time, FIELD(max_p99_9_ns), 0,
			    HOUR, A_MOST_LATENCY, "", BY_HTTP },
	[KEY_MAX_ERRORS] = { "thresholds", "max_errors", &config_share, FIELD(max_errors_ppm), 0,
			     WHOLE, A_SHARE, "", BY_HTTP },
	[KEY_MIN_ACHIEVED] = { "thresholds", "min_achieved", &config_share, FIELD(min_achieved_ppm),
			       0, WHOLE, A_SHARE, "", BY_ALL },

	[KEY_VERIFY] = { "verify", "verify", &config_url_or_none, FIELD(verify_text), 0, MAX_URL,
			 "the URL of a sampler such as http://192.0.2.1:3000/?interface=eth0, or "
			 "nothing for none",
			 "", BY_ALL },
	[KEY_VERIFY_OTHERS] = { "verify", "verify_others", &config_yes, FIELD(verify_others), 0, 0,
				"yes or no", "no", BY_ALL },
	[KEY_VERIFY_TOKEN_FILE] = { "verify", "verify_token_file", &config_text,
				    FIELD(verify_token_file), 0, LOADGEN_MAX_PATH, A_FILE "none",
				    "", BY_ALL },
	[KEY_VERIFY_CA_FILE] = { "verify", "verify_ca_file", &config_text, FIELD(verify_ca_file), 0,
				 LOADGEN_MAX_PATH, A_FILE "the system's", "", BY_ALL },
};
