/* load_floor.h -- what SQLite itself needs for the rows and indexes that `analyze load` makes. */
#ifndef FAULTLINE_BENCH_LOAD_FLOOR_H
#define FAULTLINE_BENCH_LOAD_FLOOR_H

/* Copies all rows of DIR/run.db, which are parsed and derived already, to a new DIR/floor.db with the same settings, and
 * makes the same indexes there. 0, or 1 after words on stderr. */
int load_floor(const char *dir);

#endif
