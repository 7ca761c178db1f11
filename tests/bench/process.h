/* process.h -- the programs that are measured: started, ended by their process ids, and nothing of them left behind. */
#ifndef FAULTLINE_BENCH_PROCESS_H
#define FAULTLINE_BENCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_PATH 512

/* Starts argv[0] (found in PATH when it has no slash), its output to the file `log`; it is killed when we end. -1: it
 * cannot be started. */
pid_t process_start(const char *const *argv, const char *log);
/* SIGTERM, and SIGKILL when that did not end it within five seconds. */
void process_stop(pid_t pid);
/* Has it ended by itself? */
bool process_gone(pid_t pid);
/* Processor time used so far, and memory resident now; 0 when it cannot be told. */
double process_cpu_s(pid_t pid);
uint64_t process_rss(pid_t pid);

bool process_found(const char *program); /* in PATH */

/* A port of 127.0.0.1 that nobody uses now, neither over UDP nor over TCP. 0: none. */
uint16_t process_free_port(void);

/* A new directory below `parent`. False: it cannot be made. */
bool process_tempdir(const char *parent, char out[PROCESS_PATH]);
void process_remove(const char *dir);

#endif
