/* captured.c -- see captured.h. */
#include "captured.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

char captured_text[1 << 18];

int captured(int (*cmd)(int, char **), const char *const *args)
{
    char *argv[32];
    int argc = 0;
    for (; args[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc];
    argv[argc] = NULL;
    FILE *said = tmpfile();
    assert_non_null(said);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(said), STDOUT_FILENO);
    int status = cmd(argc, argv);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(said);
    captured_text[fread(captured_text, 1, sizeof captured_text - 1, said)] = '\0';
    fclose(said);
    return status;
}

void captured_in_order(const char *first, ...)
{
    va_list ap;
    const char *at = captured_text;
    va_start(ap, first);
    for (const char *words = first; words != NULL; words = va_arg(ap, const char *)) {
        const char *found = strstr(at, words);
        if (found == NULL)
            fail_msg("\"%s\" is not (or not in this place) in:\n%s", words, captured_text);
        at = found + strlen(words);
    }
    va_end(ap);
}

void captured_lacks(const char *words)
{
    if (strstr(captured_text, words) != NULL)
        fail_msg("\"%s\" is in:\n%s", words, captured_text);
}
