/* db_file.h -- a database that is made whole or not at all: written as X.tmp, then renamed to X.
 *
 * Words about what cannot be done go to stderr, named after `command`; *status gets the exit status (cli.h). */
#ifndef FAULTLINE_DB_FILE_H
#define FAULTLINE_DB_FILE_H

#include "db.h"

struct db_file {
    char path[4096], tmp[4104];
    int fd; /* of X.tmp, locked */
};

/* May a database be made under that name? It takes the place of a database of ours or of nothing; a symbolic link is
 * followed (`path`, of size n, then names what it names). `own`: the name is ours, so that a damaged database there may
 * be replaced. */
bool db_file_target(const char *command, char *path, size_t n, bool own, int *status);
/* Opens X.tmp for bulk inserts: an empty database, or a copy of X without its indexes. False: nothing was opened. True:
 * db_file_end() is due, also when db->failed. */
bool db_file_begin(struct db_file *f, struct db *db, const char *command, const char *path, bool append, int *status);
/* Closes `db`; renames X.tmp when *status is 0, else removes it. */
void db_file_end(struct db_file *f, struct db *db, const char *command, int *status);

#endif
