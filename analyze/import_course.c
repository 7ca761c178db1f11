/* import_course.c -- what the course's simulator prints: "[   12.3456  Replica 0001]: the replica's own line".
 *
 * It knows no operations, so no check of histories can follow; but the replicas' words stand in one timeline, and can
 * be searched (records node.out). */
#include "import_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* "[12.3456  Replica 0001]: text": its parts. False: a line of the simulator's own. */
static bool parse(const char *line, double *seconds, const char **id, size_t *id_n, const char **text)
{
    char *end;
    if (*line != '[')
        return false;
    *seconds = strtod(line + 1, &end);
    if (end == line + 1 || !isfinite(*seconds) || *seconds < 0 || *seconds > 1e9)
        return false;
    const char *p = end + strspn(end, " \t");
    const char *close = strchr(p, ']');
    if (close == NULL || close[1] != ':' || close == p)
        return false;
    const char *word = close;
    while (word > p && word[-1] != ' ')
        word--;
    *id = word;
    *id_n = (size_t)(close - word);
    *text = close + 2 + (close[2] == ' ');
    return *id_n > 0;
}

bool import_course(struct import *m, struct input *in, const char *seen, size_t n)
{
    struct import_bytes bytes = {.m = m, .in = in, .seen = seen, .n = n};
    char *line = NULL;
    size_t room = 0;
    int64_t last = 0;
    m->timed = true;
    for (ssize_t len; m->status == 0 && (len = import_line(&bytes, &line, &room)) >= 0;) {
        double seconds;
        const char *id = "sim", *text = line;
        size_t id_n = 3;
        if (line[strspn(line, " \t\r")] == '\0')
            continue;
        if (parse(line, &seconds, &id, &id_n, &text))
            last = (int64_t)(seconds * 1e9);
        struct import_event *e = import_event(m, last);
        e->kind = EVENT_OUTPUT;
        e->who = import_name(m, id, id_n);
        e->text = import_name(m, text, strlen(text));
    }
    free(line);
    return m->status == 0;
}
