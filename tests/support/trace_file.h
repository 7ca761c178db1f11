/* trace_file.h -- for tests: a writer into a temporary directory, and whole files as text. Failures fail the test. */
#ifndef FAULTLINE_TEST_TRACE_FILE_H
#define FAULTLINE_TEST_TRACE_FILE_H

#include <stddef.h>
#include "../../trace/trace.h"

struct trace_file {
    char dir[4096];
    char path[4200]; /* DIR/0003.1.jsonl */
    struct trace_writer *w;
};

/* Node "0003", boot 1; buffer_bytes as in struct trace_writer_options. */
void trace_file_open(struct trace_file *t, size_t buffer_bytes);
/* Closes the writer (NULL is allowed) and keeps the file. */
void trace_file_finish(struct trace_file *t);
/* Removes file and directory. */
void trace_file_remove(struct trace_file *t);

/* The header that every file begins with. */
int64_t trace_file_header(struct trace_writer *w);

/* The file's bytes, NUL added; the caller frees them. */
char *trace_file_text(const char *path, size_t *n);
void trace_file_save(const char *path, const char *bytes, size_t n);

/* Reads a file to its end. Every line must be a record without suspicion, numbers must follow each other from 1 (what
 * trace.lost declares counts as seen), and Lamport clocks must grow. Returns the last number. `torn`: a torn last line
 * is allowed. */
int64_t trace_file_check(const char *path, bool torn, int64_t *lost);

#endif
