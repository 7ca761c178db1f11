/* trace_utf8.h -- which bytes are UTF-8 (RFC 3629). Private to the trace library. */
#ifndef FAULTLINE_TRACE_UTF8_H
#define FAULTLINE_TRACE_UTF8_H

#include <stddef.h>

/* Length (1 to 4) of the UTF-8 sequence at p, of which at most n bytes may be read; 0 when it is not one: truncated,
 * overlong, a surrogate, beyond U+10FFFF. */
size_t trace_utf8_len(const char *p, size_t n);

#endif
