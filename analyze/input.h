/* input.h -- bytes of a file, of standard input, or of either compressed with gzip or zstd: which, its first bytes
 * tell.
 *
 * Compressed data that end early or are damaged give all that can be got out of them; input_torn() then has words. */
#ifndef FAULTLINE_INPUT_H
#define FAULTLINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INPUT_ERR_LEN 512

struct input;

/* "-" is standard input. NULL with words in `err` (no memory, no such file, a directory). */
struct input *input_open(const char *path, char err[INPUT_ERR_LEN]);
/* Up to n bytes; 0 at the end, -1 with errno set. */
ssize_t input_read(struct input *in, void *to, size_t n);
bool input_compressed(const struct input *in);
/* What is wrong with compressed data whose end input_read() has met, static text; NULL: nothing. */
const char *input_torn(const struct input *in);
/* Bytes taken from the file so far, and its size (0 when unknown). */
uint64_t input_offset(const struct input *in);
uint64_t input_size(const struct input *in);
void input_close(struct input *in); /* NULL allowed */

#endif
