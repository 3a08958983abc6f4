/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the journal's catalog explains: one id for each kind of message that asks for more than a line
 * (`journalctl -x`). systemd/sampler.catalog has a text for each, and test/check-catalog sees to it.
 * An id is never given to another kind of message.
 */
#ifndef SAMPLER_UTIL_MESSAGE_IDS_H
#define SAMPLER_UTIL_MESSAGE_IDS_H

#define MESSAGE_RATES	       "8d0c4a4f52e24f1aa0d1c7b1f5c1e6a3"
#define MESSAGE_ATTACH_FAILED  "a19d49b84ae04859a0e47678011d4c48"
#define MESSAGE_ATTACHED_ALONE "337cd492d14540089f1fec1cbd77cb82"
#define MESSAGE_ATTACHED_SKB   "2b4c610ff5b84f5287a52552f91354d2"
#define MESSAGE_NOT_ATTACHED   "6f378358ed0a482dbdf236fcd87a3ef3"
#define MESSAGE_DEGRADED       "bf91e6630ec14d86a092277599e52cb4"
#define MESSAGE_SUSPECT	       "06cd16cb92b84871bd434800aa42b6c1"
#define MESSAGE_RECOVERED      "42bdc33680214db6830207479658ca25"
#define MESSAGE_CHAIN_CHANGED  "e98cf5c0601143eebd3f47dc0a6ac9f9"
#define MESSAGE_TX_UNCOUNTED   "f93e7112b1e6418093008da97cb870eb"
#define MESSAGE_HISTORY_FAILED "7ee1c8b593ec49c280cdbe1d02f993be"
#define MESSAGE_RECORD_FAILED  "29d55d1454b444be97ee470dd0613dd3"

#endif
