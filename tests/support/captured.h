/* captured.h -- for tests: what a command of analyze prints on standard output. */
#ifndef FAULTLINE_TEST_CAPTURED_H
#define FAULTLINE_TEST_CAPTURED_H

#include <stddef.h>

extern char captured_text[1 << 18]; /* what the last one printed; cut when it was more */

/* Runs the command with these arguments, argv[0] first, NULL at the end. Returns its exit status. */
int captured(int (*cmd)(int, char **), const char *const *args);
/* Each of the words is in captured_text, one after another; NULL ends them. Else the test fails. */
void captured_in_order(const char *first, ...);
void captured_lacks(const char *words);

#endif
