/* embedded.h -- the SQL files of this folder and those of the report, compiled in by the Makefile. */
#ifndef FAULTLINE_EMBEDDED_H
#define FAULTLINE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name;          /* "schema.sql", "checks/R13.sql" */
    const unsigned char *text; /* NUL-terminated */
    size_t size;               /* without the NUL */
};

/* Sorted by name. */
extern const struct embedded_file embedded_files[];
extern const size_t embedded_files_n;

#endif
