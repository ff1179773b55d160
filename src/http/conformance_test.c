/*
 * The case list of the Autobahn test suite for WebSocket servers (sections 1 to 7, 9, 10), written
 * as a table and run against an echo server on http/websocket.h: each case whole, and each octet by
 * octet where it is short. docs/conformance.md is this table (scripts/conformance), printed when
 * PZ_CONFORMANCE is set.
 *
 * Frames are written as words with a blank between them:
 *     t b c p o x   text, binary, continuation, ping, pong, close;  r3 … rf  reserved opcodes
 *     then marks:   -  not the last fragment;  1 to 7 after '/'  reserved bits;  u  not masked
 *     then payload: =TEXT;  :HEX;  *N  N octets '*'
 * `close` is the code of the close frame that is expected at the end: 0 none, 1005 one without.
 */
#include "kit/test.h"
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "http/websocket.h"

#define LIMIT_BYTES (16U << 20)

struct row {
	const char *id, *title, *in, *out;
	unsigned close;
};

#define KOSME "cebae1bdb9cf83cebcceb5"
#define VALID "48656c6c6f2dc2b540c39fc3b6c3a4c3bcc3a0c3a12d5554462d382121"

static const struct row rows[] = {
	{"1.1.1", "text, empty", "t", "t", 0},
	{"1.1.2", "text of 125 octets", "t*125", "t*125", 0},
	{"1.1.3", "text of 126 octets", "t*126", "t*126", 0},
	{"1.1.4", "text of 127 octets", "t*127", "t*127", 0},
	{"1.1.5", "text of 128 octets", "t*128", "t*128", 0},
	{"1.1.6", "text of 65535 octets", "t*65535", "t*65535", 0},
	{"1.1.7", "text of 65536 octets", "t*65536", "t*65536", 0},
	{"1.1.8", "text of 65536 octets in chops", "t*65536", "t*65536", 0},
	{"1.2.1", "binary, empty", "b", "b", 0},
	{"1.2.2", "binary of 125 octets", "b*125", "b*125", 0},
	{"1.2.3", "binary of 126 octets", "b*126", "b*126", 0},
	{"1.2.4", "binary of 127 octets", "b*127", "b*127", 0},
	{"1.2.5", "binary of 128 octets", "b*128", "b*128", 0},
	{"1.2.6", "binary of 65535 octets", "b*65535", "b*65535", 0},
	{"1.2.7", "binary of 65536 octets", "b*65536", "b*65536", 0},
	{"1.2.8", "binary of 65536 octets in chops", "b*65536", "b*65536", 0},

	{"2.1", "ping without payload", "p", "o", 0},
	{"2.2", "ping with text", "p=Hello,world!", "o=Hello,world!", 0},
	{"2.3", "ping with octets that are no UTF-8", "p:00fffefdfcfb00ff", "o:00fffefdfcfb00ff",
	 0},
	{"2.4", "ping of 125 octets", "p*125", "o*125", 0},
	{"2.5", "ping of 126 octets", "p*126", "", 1002},
	{"2.6", "ping of 125 octets, octet by octet", "p*125", "o*125", 0},
	{"2.7", "pong that was not asked for", "o", "", 0},
	{"2.8", "the same with payload", "o=unsolicited", "", 0},
	{"2.9", "the same, then a ping", "o=unsolicited p=ping", "o=ping", 0},
	{"2.10", "10 pings", "p=0 p=1 p=2 p=3 p=4 p=5 p=6 p=7 p=8 p=9",
	 "o=0 o=1 o=2 o=3 o=4 o=5 o=6 o=7 o=8 o=9", 0},
	{"2.11", "10 pings, octet by octet", "p=0 p=1 p=2 p=3 p=4 p=5 p=6 p=7 p=8 p=9",
	 "o=0 o=1 o=2 o=3 o=4 o=5 o=6 o=7 o=8 o=9", 0},

	{"3.1", "text with RSV 1", "t/1=x", "", 1002},
	{"3.2", "text, text with RSV 2, ping", "t=a t/2=b p", "t=a", 1002},
	{"3.3", "text, text with RSV 3, ping", "t=a t/3=b p", "t=a", 1002},
	{"3.4", "text, text with RSV 4, ping (compressed, not negotiated)", "t=a t/4=b p", "t=a",
	 1002},
	{"3.5", "binary with RSV 5", "b/5:00", "", 1002},
	{"3.6", "ping with RSV 6", "p/6=x", "", 1002},
	{"3.7", "close with RSV 7", "x/7:03e8", "", 1002},

	{"4.1.1", "opcode 3", "r3", "", 1002},
	{"4.1.2", "opcode 4 with payload", "r4=x", "", 1002},
	{"4.1.3", "text, opcode 5, ping", "t=a r5 p", "t=a", 1002},
	{"4.1.4", "text, opcode 6 with payload, ping", "t=a r6=x p", "t=a", 1002},
	{"4.1.5", "text, opcode 7 with payload, ping", "t=a r7=x p", "t=a", 1002},
	{"4.2.1", "opcode 11", "rb", "", 1002},
	{"4.2.2", "opcode 12 with payload", "rc=x", "", 1002},
	{"4.2.3", "text, opcode 13, ping", "t=a rd p", "t=a", 1002},
	{"4.2.4", "text, opcode 14 with payload, ping", "t=a re=x p", "t=a", 1002},
	{"4.2.5", "text, opcode 15 with payload, ping", "t=a rf=x p", "t=a", 1002},

	{"5.1", "ping in 2 fragments", "p-=a c=b", "", 1002},
	{"5.2", "pong in 2 fragments", "o-=a c=b", "", 1002},
	{"5.3", "text in 2 fragments", "t-=a c=b", "t=ab", 0},
	{"5.4", "text in 2 fragments, in frames of one segment", "t-=a c=b", "t=ab", 0},
	{"5.5", "text in 2 fragments, octet by octet", "t-=a c=b", "t=ab", 0},
	{"5.6", "text in 2 fragments, ping between them", "t-=a p=p c=b", "o=p t=ab", 0},
	{"5.7", "the same in one segment", "t-=a p=p c=b", "o=p t=ab", 0},
	{"5.8", "the same octet by octet", "t-=a p=p c=b", "o=p t=ab", 0},
	{"5.9", "last continuation of nothing, then text", "c=a t=b", "", 1002},
	{"5.10", "the same in one segment", "c=a t=b", "", 1002},
	{"5.11", "the same octet by octet", "c=a t=b", "", 1002},
	{"5.12", "continuation of nothing, then text", "c-=a t=b", "", 1002},
	{"5.13", "the same in one segment", "c-=a t=b", "", 1002},
	{"5.14", "the same octet by octet", "c-=a t=b", "", 1002},
	{"5.15", "text in 2 fragments, continuation of nothing, text", "t-=a c=b c-=c t=d", "t=ab",
	 1002},
	{"5.16", "continuation of nothing twice before text", "c-=a t-=b c=c c-=a t-=b c=c", "",
	 1002},
	{"5.17", "last continuation of nothing twice before text", "c=a t-=b c=c c=a t-=b c=c", "",
	 1002},
	{"5.18", "second fragment with opcode text", "t-=a t=b", "", 1002},
	{"5.19", "text in 5 fragments, pings between them", "t-=1 c-=2 p=a c-=3 c-=4 p=b c=5",
	 "o=a o=b t=12345", 0},
	{"5.20", "the same in one segment", "t-=1 c-=2 p=a c-=3 c-=4 p=b c=5", "o=a o=b t=12345",
	 0},

	{"6.1.1", "text, empty", "t", "t", 0},
	{"6.1.2", "3 empty fragments", "t- c- c", "t", 0},
	{"6.1.3", "3 fragments, the middle one not empty", "t- c-=mid c", "t=mid", 0},
	{"6.2.1", "valid text", "t:" VALID, "t:" VALID, 0},
	{"6.2.2", "valid text in 2 fragments between characters",
	 "t-:48656c6c6f2dc2b540c39f c:c3b6c3a4c3bcc3a0c3a12d5554462d382121", "t:" VALID, 0},
	{"6.2.3", "valid text, a fragment an octet", "t~:" VALID, "t:" VALID, 0},
	{"6.2.4", "Greek text, a fragment an octet", "t~:" KOSME, "t:" KOSME, 0},
	{"6.3.1", "text with a surrogate", "t:" KOSME "eda080656469746564", "", 1007},
	{"6.3.2", "the same, a fragment an octet", "t~:" KOSME "eda080656469746564", "", 1007},
	{"6.4.1", "fails at the fragment that cannot be right", "t-:" KOSME " c-:f4908080", "",
	 1007},
	{"6.4.2", "fails before the last octet of it", "t-:" KOSME "f4 c-:90", "", 1007},
	{"6.4.3", "the same in one frame that is not whole", "t!:" KOSME "f4908080", "", 1007},
	{"6.4.4", "the same before the last octet", "t!:" KOSME "f490", "", 1007},
	{"6.5.1", "Greek word", "t:" KOSME, "t:" KOSME, 0},
	{"6.5.2", "text before it", "t:68656c6c6f24c2a2e282acf0a4ada2",
	 "t:68656c6c6f24c2a2e282acf0a4ada2", 0},
	{"6.5.3", "characters of 1 to 4 octets", "t:24c2a2e282acf0a4ada2", "t:24c2a2e282acf0a4ada2",
	 0},
	{"6.5.4", "the same twice", "t:24c2a2e282acf0a4ada224c2a2e282acf0a4ada2",
	 "t:24c2a2e282acf0a4ada224c2a2e282acf0a4ada2", 0},
	{"6.5.5", "Greek word twice", "t:" KOSME KOSME, "t:" KOSME KOSME, 0},
	{"6.6.1", "prefix of 1 octet", "t:ce", "", 1007},
	{"6.6.2", "prefix of 2 octets", "t:ceba", "t:ceba", 0},
	{"6.6.3", "prefix of 3 octets", "t:cebae1", "", 1007},
	{"6.6.4", "prefix of 4 octets", "t:cebae1bd", "", 1007},
	{"6.6.5", "prefix of 5 octets", "t:cebae1bdb9", "t:cebae1bdb9", 0},
	{"6.6.6", "prefix of 6 octets", "t:cebae1bdb9cf", "", 1007},
	{"6.6.7", "prefix of 7 octets", "t:cebae1bdb9cf83", "t:cebae1bdb9cf83", 0},
	{"6.6.8", "prefix of 8 octets", "t:cebae1bdb9cf83ce", "", 1007},
	{"6.6.9", "prefix of 9 octets", "t:cebae1bdb9cf83cebc", "t:cebae1bdb9cf83cebc", 0},
	{"6.6.10", "prefix of 10 octets", "t:cebae1bdb9cf83cebcce", "", 1007},
	{"6.6.11", "all 11 octets", "t:" KOSME, "t:" KOSME, 0},
	{"6.7.1", "first character of 1 octet", "t:00", "t:00", 0},
	{"6.7.2", "first character of 2 octets", "t:c280", "t:c280", 0},
	{"6.7.3", "first character of 3 octets", "t:e0a080", "t:e0a080", 0},
	{"6.7.4", "first character of 4 octets", "t:f0908080", "t:f0908080", 0},
	{"6.8.1", "5 octets", "t:f888808080", "", 1007},
	{"6.8.2", "6 octets", "t:fc8480808080", "", 1007},
	{"6.9.1", "last character of 1 octet", "t:7f", "t:7f", 0},
	{"6.9.2", "last character of 2 octets", "t:dfbf", "t:dfbf", 0},
	{"6.9.3", "last character of 3 octets", "t:efbfbf", "t:efbfbf", 0},
	{"6.9.4", "last character of 4 octets", "t:f48fbfbf", "t:f48fbfbf", 0},
	{"6.10.1", "last pattern of 4 octets", "t:f7bfbfbf", "", 1007},
	{"6.10.2", "last pattern of 5 octets", "t:fbbfbfbfbf", "", 1007},
	{"6.10.3", "last pattern of 6 octets", "t:fdbfbfbfbfbf", "", 1007},
	{"6.11.1", "last before the surrogates", "t:ed9fbf", "t:ed9fbf", 0},
	{"6.11.2", "first after the surrogates", "t:ee8080", "t:ee8080", 0},
	{"6.11.3", "replacement character", "t:efbfbd", "t:efbfbd", 0},
	{"6.11.4", "last character", "t:f48fbfbf", "t:f48fbfbf", 0},
	{"6.11.5", "over the last character", "t:f4908080", "", 1007},
	{"6.12.1", "continuation octet 80", "t:80", "", 1007},
	{"6.12.2", "continuation octet bf", "t:bf", "", 1007},
	{"6.12.3", "2 continuation octets", "t:80bf", "", 1007},
	{"6.12.4", "3 continuation octets", "t:80bf80", "", 1007},
	{"6.12.5", "4 continuation octets", "t:80bf80bf", "", 1007},
	{"6.12.6", "5 continuation octets", "t:80bf80bf80", "", 1007},
	{"6.12.7", "6 continuation octets", "t:80bf80bf80bf", "", 1007},
	{"6.12.8", "continuation octets in their order", "t:808182838485868788898a8b8c8d8e8f90", "",
	 1007},
	{"6.13.1", "first octets of 2, each with a space", "t:c020c120c220", "", 1007},
	{"6.13.2", "first octets of 3, each with a space", "t:e020e120e220", "", 1007},
	{"6.13.3", "first octets of 4, each with a space", "t:f020f120f220", "", 1007},
	{"6.13.4", "first octets of 5, each with a space", "t:f820f920fa20", "", 1007},
	{"6.13.5", "first octets of 6, each with a space", "t:fc20fd20", "", 1007},
	{"6.14.1", "2 octets without the last", "t:c0", "", 1007},
	{"6.14.2", "3 octets without the last", "t:e080", "", 1007},
	{"6.14.3", "4 octets without the last", "t:f08080", "", 1007},
	{"6.14.4", "5 octets without the last", "t:f8808080", "", 1007},
	{"6.14.5", "6 octets without the last", "t:fc80808080", "", 1007},
	{"6.14.6", "last of 2 octets without the last", "t:df", "", 1007},
	{"6.14.7", "last of 3 octets without the last", "t:efbf", "", 1007},
	{"6.14.8", "last of 4 octets without the last", "t:f7bfbf", "", 1007},
	{"6.14.9", "last of 5 octets without the last", "t:fbbfbfbf", "", 1007},
	{"6.14.10", "last of 6 octets without the last", "t:fdbfbfbfbf", "", 1007},
	{"6.15.1", "all of these, one after the other",
	 "t:c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf", "", 1007},
	{"6.16.1", "octet fe", "t:fe", "", 1007},
	{"6.16.2", "octet ff", "t:ff", "", 1007},
	{"6.16.3", "octets fe fe ff ff", "t:fefeffff", "", 1007},
	{"6.17.1", "overlong '/' of 2 octets", "t:c0af", "", 1007},
	{"6.17.2", "overlong '/' of 3 octets", "t:e080af", "", 1007},
	{"6.17.3", "overlong '/' of 4 octets", "t:f08080af", "", 1007},
	{"6.17.4", "overlong '/' of 5 octets", "t:f8808080af", "", 1007},
	{"6.17.5", "overlong '/' of 6 octets", "t:fc80808080af", "", 1007},
	{"6.18.1", "largest overlong of 2 octets", "t:c1bf", "", 1007},
	{"6.18.2", "largest overlong of 3 octets", "t:e09fbf", "", 1007},
	{"6.18.3", "largest overlong of 4 octets", "t:f08fbfbf", "", 1007},
	{"6.18.4", "largest overlong of 5 octets", "t:f887bfbfbf", "", 1007},
	{"6.18.5", "largest overlong of 6 octets", "t:fc83bfbfbfbf", "", 1007},
	{"6.19.1", "overlong NUL of 2 octets", "t:c080", "", 1007},
	{"6.19.2", "overlong NUL of 3 octets", "t:e08080", "", 1007},
	{"6.19.3", "overlong NUL of 4 octets", "t:f0808080", "", 1007},
	{"6.19.4", "overlong NUL of 5 octets", "t:f880808080", "", 1007},
	{"6.19.5", "overlong NUL of 6 octets", "t:fc8080808080", "", 1007},
	{"6.20.1", "surrogate D800", "t:eda080", "", 1007},
	{"6.20.2", "surrogate DB7F", "t:edadbf", "", 1007},
	{"6.20.3", "surrogate DB80", "t:edae80", "", 1007},
	{"6.20.4", "surrogate DBFF", "t:edafbf", "", 1007},
	{"6.20.5", "surrogate DC00", "t:edb080", "", 1007},
	{"6.20.6", "surrogate DF80", "t:edbe80", "", 1007},
	{"6.20.7", "surrogate DFFF", "t:edbfbf", "", 1007},
	{"6.21.1", "surrogates D800 DC00", "t:eda080edb080", "", 1007},
	{"6.21.2", "surrogates D800 DFFF", "t:eda080edbfbf", "", 1007},
	{"6.21.3", "surrogates DB7F DC00", "t:edadbfedb080", "", 1007},
	{"6.21.4", "surrogates DB7F DFFF", "t:edadbfedbfbf", "", 1007},
	{"6.21.5", "surrogates DB80 DC00", "t:edae80edb080", "", 1007},
	{"6.21.6", "surrogates DB80 DFFF", "t:edae80edbfbf", "", 1007},
	{"6.21.7", "surrogates DBFF DC00", "t:edafbfedb080", "", 1007},
	{"6.21.8", "surrogates DBFF DFFF", "t:edafbfedbfbf", "", 1007},
	{"6.22.1", "non-character FFFE", "t:efbfbe", "t:efbfbe", 0},
	{"6.22.2", "non-character FFFF", "t:efbfbf", "t:efbfbf", 0},
	{"6.22.3-34", "non-characters 1FFFE to 10FFFF",
	 "t:f09fbfbe t:f09fbfbf t:f0afbfbe t:f0afbfbf t:f0bfbfbe t:f0bfbfbf t:f18fbfbe t:f18fbfbf "
	 "t:f19fbfbe t:f19fbfbf t:f1afbfbe t:f1afbfbf t:f1bfbfbe t:f1bfbfbf t:f28fbfbe t:f28fbfbf "
	 "t:f29fbfbe t:f29fbfbf t:f2afbfbe t:f2afbfbf t:f2bfbfbe t:f2bfbfbf t:f38fbfbe t:f38fbfbf "
	 "t:f39fbfbe t:f39fbfbf t:f3afbfbe t:f3afbfbf t:f3bfbfbe t:f3bfbfbf t:f48fbfbe t:f48fbfbf",
	 "t:f09fbfbe t:f09fbfbf t:f0afbfbe t:f0afbfbf t:f0bfbfbe t:f0bfbfbf t:f18fbfbe t:f18fbfbf "
	 "t:f19fbfbe t:f19fbfbf t:f1afbfbe t:f1afbfbf t:f1bfbfbe t:f1bfbfbf t:f28fbfbe t:f28fbfbf "
	 "t:f29fbfbe t:f29fbfbf t:f2afbfbe t:f2afbfbf t:f2bfbfbe t:f2bfbfbf t:f38fbfbe t:f38fbfbf "
	 "t:f39fbfbe t:f39fbfbf t:f3afbfbe t:f3afbfbf t:f3bfbfbe t:f3bfbfbf t:f48fbfbe t:f48fbfbf",
	 0},
	{"6.23.1-7", "specials FFF9 to FFFF",
	 "t:efbfb9 t:efbfba t:efbfbb t:efbfbc t:efbfbd t:efbfbe t:efbfbf",
	 "t:efbfb9 t:efbfba t:efbfbb t:efbfbc t:efbfbd t:efbfbe t:efbfbf", 0},

	{"7.1.1", "text, then close", "t=a x:03e8", "t=a", 1000},
	{"7.1.2", "close twice", "x:03e8 x:03e8", "", 1000},
	{"7.1.3", "ping after close", "x:03e8 p=a", "", 1000},
	{"7.1.4", "text after close", "x:03e8 t=a", "", 1000},
	{"7.1.5", "close between fragments", "t-=a x:03e8 c=b", "", 1000},
	{"7.1.6", "long text, close, ping", "t*262144 x:03e8 p", "t*262144", 1000},
	{"7.3.1", "close without payload", "x", "", 1005},
	{"7.3.2", "close with 1 octet", "x:03", "", 1002},
	{"7.3.3", "close with a code", "x:03e8", "", 1000},
	{"7.3.4", "close with a code and a reason", "x:03e86f6b", "", 1000},
	{"7.3.5", "close with a reason of 123 octets", "x$*123", "", 1000},
	{"7.3.6", "close with a reason of 124 octets", "x$*124", "", 1002},
	{"7.5.1", "close with a reason that is no UTF-8", "x:03e8cebae1bdb9eda080", "", 1007},
	{"7.7.1", "code 1000", "x:03e8", "", 1000},
	{"7.7.2", "code 1001", "x:03e9", "", 1001},
	{"7.7.3", "code 1002", "x:03ea", "", 1002},
	{"7.7.4", "code 1003", "x:03eb", "", 1003},
	{"7.7.5", "code 1007", "x:03ef", "", 1007},
	{"7.7.6", "code 1008", "x:03f0", "", 1008},
	{"7.7.7", "code 1009", "x:03f1", "", 1009},
	{"7.7.8", "code 1010", "x:03f2", "", 1010},
	{"7.7.9", "code 1011", "x:03f3", "", 1011},
	{"7.7.10", "code 3000", "x:0bb8", "", 3000},
	{"7.7.11", "code 3999", "x:0f9f", "", 3999},
	{"7.7.12", "code 4000", "x:0fa0", "", 4000},
	{"7.7.13", "code 4999", "x:1387", "", 4999},
	{"7.9.1", "code 0", "x:0000", "", 1002},
	{"7.9.2", "code 999", "x:03e7", "", 1002},
	{"7.9.3", "code 1004", "x:03ec", "", 1002},
	{"7.9.4", "code 1005", "x:03ed", "", 1002},
	{"7.9.5", "code 1006", "x:03ee", "", 1002},
	{"7.9.6", "code 1016", "x:03f8", "", 1002},
	{"7.9.7", "code 1100", "x:044c", "", 1002},
	{"7.9.8", "code 2000", "x:07d0", "", 1002},
	{"7.9.9", "code 2999", "x:0bb7", "", 1002},
	{"7.13.1", "code 5000", "x:1388", "", 1002},
	{"7.13.2", "code 65535", "x:ffff", "", 1002},

	{"9.1.1-6", "text of 64 KiB to 16 MiB",
	 "t*65536 t*262144 t*1048576 t*4194304 t*8388608 t*16777216",
	 "t*65536 t*262144 t*1048576 t*4194304 t*8388608 t*16777216", 0},
	{"9.2.1-6", "binary of 64 KiB to 16 MiB",
	 "b*65536 b*262144 b*1048576 b*4194304 b*8388608 b*16777216",
	 "b*65536 b*262144 b*1048576 b*4194304 b*8388608 b*16777216", 0},
	{"9.3.1", "text of 4 MiB in fragments of 64 octets", "t~64*4194304", "t*4194304", 0},
	{"9.3.2-9", "the same in larger fragments",
	 "t~256*4194304 t~1024*4194304 t~4096*4194304 t~16384*4194304 t~65536*4194304 "
	 "t~262144*4194304 t~1048576*4194304 t*4194304",
	 "t*4194304 t*4194304 t*4194304 t*4194304 t*4194304 t*4194304 t*4194304 t*4194304", 0},
	{"9.4.1", "binary of 4 MiB in fragments of 64 octets", "b~64*4194304", "b*4194304", 0},
	{"9.4.2-9", "the same in larger fragments",
	 "b~256*4194304 b~1024*4194304 b~4096*4194304 b~16384*4194304 b~65536*4194304 "
	 "b~262144*4194304 b~1048576*4194304 b*4194304",
	 "b*4194304 b*4194304 b*4194304 b*4194304 b*4194304 b*4194304 b*4194304 b*4194304", 0},
	{"9.5.1-6", "text of 1 MiB, received in chops", "t*1048576", "t*1048576", 0},
	{"9.6.1-6", "binary of 1 MiB, received in chops", "b*1048576", "b*1048576", 0},
	{"9.7.1-6", "1000 texts of up to 4096 octets", "1000 t*4096", "1000 t*4096", 0},
	{"9.8.1-6", "1000 binaries of up to 4096 octets", "1000 b*4096", "1000 b*4096", 0},

	{"10.1.1", "text of 65536 octets in fragments of 1300", "t~1300*65536", "t*65536", 0},

	/* ours */
	{"pz.1", "text that is not masked (RFC 6455 5.1)", "tu=a", "", 1002},
	{"pz.2", "ping that is not masked", "pu", "", 1002},
	{"pz.3", "text over the limit of 16 MiB", "t*16777217", "", 1009},
	{"pz.4", "fragments over the limit", "t-*16777216 c=x", "", 1009},
	{"pz.5", "text in 100000 fragments", "t~1*100000", "t*100000", 0},
	{"pz.6", "ping, then a text that is no UTF-8, in one segment", "p=x t:ff", "o=x", 1007},
};

/* ---- frames ---- */

struct word {
	uint8_t opcode, rsv;
	bool is_part, is_open, is_unmasked;
	size_t chunk; /* octets of a fragment; 0: one frame */
	struct pz_buf payload;
};

static uint8_t
opcode_of(const char **at)
{
	static const char letters[] = "tbcpoxr";
	static const uint8_t opcodes[] = {1, 2, 0, 9, 10, 8};
	const char *letter = strchr(letters, *(*at)++);

	assert_non_null(letter);
	if (*letter != 'r')
		return opcodes[letter - letters];
	return (uint8_t)strtoul((char[]){*(*at)++, '\0'}, NULL, 16);
}

static void
read_payload(struct word *word, const char *at, size_t len)
{
	if (*at == '=') {
		assert_int_equal(pz_buf_append(&word->payload, pz_slice_of(at + 1, len - 1)),
				 PZ_OK);
	} else if (*at == '*') {
		size_t count = strtoul(at + 1, NULL, 10);
		uint8_t *out;
		assert_int_equal(pz_buf_reserve(&word->payload, count, &out), PZ_OK);
		memset(out, '*', count);
		pz_buf_commit(&word->payload, count);
	} else if (*at == ':') {
		uint8_t *out;
		size_t count = (len - 1) / 2;
		assert_int_equal(pz_buf_reserve(&word->payload, count + 1, &out), PZ_OK);
		assert_int_equal(pz_hex_decode(pz_slice_of(at + 1, len - 1), out, count), PZ_OK);
		pz_buf_commit(&word->payload, count);
	}
}

static void
read_word(struct word *word, const char *at, size_t len)
{
	const char *end = at + len;

	*word = (struct word){0};
	pz_buf_init(&word->payload, LIMIT_BYTES + 4096, NULL);
	word->opcode = opcode_of(&at);
	for (; at < end && strchr("=*:", *at) == NULL; at++) {
		if (*at == '-')
			word->is_part = true;
		else if (*at == 'u')
			word->is_unmasked = true;
		else if (*at == '!')
			word->is_open = true; /* says that it is longer than it is */
		else if (*at == '/')
			word->rsv = (uint8_t)(*++at - '0');
		else if (*at == '$')
			assert_int_equal(pz_buf_append(&word->payload, pz_slice_of("\x03\xe8", 2)),
					 PZ_OK);
		else if (*at == '~')
			word->chunk = at[1] >= '0' && at[1] <= '9' ? strtoul(at + 1, NULL, 10) : 1;
	}
	if (at < end)
		read_payload(word, at, (size_t)(end - at));
}

static void
put_frame(struct pz_buf *out, const struct word *word, uint8_t opcode, struct pz_slice payload,
	  bool is_last, bool is_masked)
{
	static const uint8_t key[4] = {0x11, 0xa5, 0x00, 0xff};
	size_t len = payload.len + (word->is_open ? 64 : 0);
	uint8_t head[14], *body;
	size_t n = 2;

	head[0] = (uint8_t)((is_last ? 0x80 : 0) | word->rsv << 4 | opcode);
	head[1] = (uint8_t)((is_masked ? 0x80 : 0) | (len < 126           ? len
						      : len <= UINT16_MAX ? 126
									  : 127));
	for (int shift = len < 126 ? -8 : len <= UINT16_MAX ? 8 : 56; shift >= 0; shift -= 8)
		head[n++] = (uint8_t)((uint64_t)len >> shift);
	if (is_masked)
		memcpy(head + n, key, sizeof(key));
	assert_int_equal(pz_buf_append(out, pz_slice_of(head, n + (is_masked ? 4 : 0))), PZ_OK);
	assert_int_equal(pz_buf_reserve(out, payload.len + 1, &body), PZ_OK);
	for (size_t i = 0; i < payload.len; i++)
		body[i] = payload.ptr[i] ^ (is_masked ? key[i % 4] : 0);
	pz_buf_commit(out, payload.len);
}

static void
put_word(struct pz_buf *out, const struct word *word, bool is_client)
{
	struct pz_slice rest = pz_buf_slice(&word->payload);
	size_t chunk = word->chunk ? word->chunk : rest.len;
	bool is_first = true, is_masked = is_client && !word->is_unmasked;

	do {
		size_t len = rest.len < chunk ? rest.len : chunk;
		bool is_last = len == rest.len && !word->is_part;
		put_frame(out, word, is_first ? word->opcode : 0, pz_slice_of(rest.ptr, len),
			  is_last, is_masked);
		rest = pz_slice_of(rest.ptr + len, rest.len - len);
		is_first = false;
	} while (rest.len > 0);
}

/* All words; "1000 " before them: so many times. */
static void
put_words(struct pz_buf *out, const char *text, bool is_client)
{
	size_t times = 1;

	if (strncmp(text, "1000 ", 5) == 0) {
		times = 1000;
		text += 5;
	}
	for (size_t i = 0; i < times; i++) {
		for (const char *at = text; *at;) {
			size_t len = strcspn(at, " ");
			struct word word;
			read_word(&word, at, len);
			put_word(out, &word, is_client);
			pz_buf_fini(&word.payload);
			at += len + (at[len] == ' ');
		}
	}
}

/* ---- the echo server ---- */

struct echo {
	struct pz_websocket *ws;
	struct pz_buf out;
};

static void
on_message(void *arg, bool text, struct pz_slice bytes)
{
	struct echo *echo = arg;

	assert_int_equal(pz_websocket_send(echo->ws, text, bytes), PZ_OK);
}

/* A close frame at the end of what was sent; its payload is compared by its code only. */
static void
check_close(const char *id, struct pz_slice rest, unsigned code)
{
	if (code == 0 && rest.len == 0)
		return;
	if (rest.len < 2 || rest.ptr[0] != 0x88 || rest.len != 2U + rest.ptr[1])
		fail_msg("%s: no close frame at the end but %zu octets", id, rest.len);
	unsigned sent = rest.len < 4 ? 1005 : (unsigned)(rest.ptr[2] << 8 | rest.ptr[3]);
	if (sent != code)
		fail_msg("%s: closed with %u instead of %u", id, sent, code);
}

static void
run(const struct row *row, size_t chop)
{
	struct pz_buf in, wanted;
	struct echo echo;

	pz_buf_init(&in, SIZE_MAX, NULL);
	pz_buf_init(&wanted, SIZE_MAX, NULL);
	pz_buf_init(&echo.out, SIZE_MAX, NULL);
	put_words(&in, row->in, true);
	put_words(&wanted, row->out, false);
	echo.ws = pz_websocket_new(&echo.out, LIMIT_BYTES, on_message, &echo);
	assert_non_null(echo.ws);
	struct pz_slice rest = pz_buf_slice(&in);
	while (rest.len > 0) {
		size_t len = rest.len < chop ? rest.len : chop;
		pz_websocket_input(echo.ws, pz_slice_of(rest.ptr, len));
		rest = pz_slice_of(rest.ptr + len, rest.len - len);
	}
	struct pz_slice out = pz_buf_slice(&echo.out);
	if (out.len < wanted.len ||
	    (wanted.len > 0 && memcmp(out.ptr, pz_buf_slice(&wanted).ptr, wanted.len) != 0))
		fail_msg("%s: %s: other frames than %.60s (%zu octets)", row->id, row->title,
			 row->out, out.len);
	check_close(row->id, pz_slice_of(out.ptr + wanted.len, out.len - wanted.len), row->close);
	if (pz_websocket_is_closing(echo.ws) != (row->close != 0))
		fail_msg("%s: %s", row->id, row->close ? "it goes on" : "it is over");
	pz_websocket_free(echo.ws);
	pz_buf_fini(&in);
	pz_buf_fini(&wanted);
	pz_buf_fini(&echo.out);
}

static void
the_cases_pass(void **state)
{
	bool prints = getenv("PZ_CONFORMANCE") != NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		bool is_long = strchr(row->in, '*') != NULL;
		bool is_chopped = strstr(row->title, "chops") != NULL;

		run(row, SIZE_MAX);
		if (is_chopped)
			run(row, 997);
		else if (!is_long)
			run(row, 1);
		if (prints)
			printf("| %s | %s | pass |\n", row->id, row->title);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cases_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
