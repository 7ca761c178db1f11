/* json_out.h -- text of unknown origin as a JSON string. */
#ifndef FAULTLINE_JSON_OUT_H
#define FAULTLINE_JSON_OUT_H

#include <stdio.h>

/* In quotes. Bytes that are not UTF-8 become U+FFFD; control characters and marks that reorder text are escaped, so
 * that the JSON can be looked at in a terminal. */
void json_out(FILE *out, const char *p, size_t n);
void json_out_text(FILE *out, const char *s);

#endif
