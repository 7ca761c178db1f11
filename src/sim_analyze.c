#include "sim_analyze.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, INTERNAL = 70 };

/* analyze, or faultline-analyze, in our own directory. */
static void find(char path[PATH_BYTES + 32])
{
    char self[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    int dir = slash ? (int)(slash - self) : 0;
    snprintf(path, PATH_BYTES + 32, "%.*s/analyze", dir, self);
    if (access(path, X_OK) != 0)
        snprintf(path, PATH_BYTES + 32, "%.*s/faultline-analyze", dir, self);
}

static pid_t start(const char *path, const char *const *argv, int out)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    if (out < 0 || dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
        execv(path, (char *const *)(uintptr_t)argv); /* execv() changes nothing of it (POSIX) */
    fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
    _exit(INTERNAL);
}

static int finish(pid_t pid, const char *path)
{
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
        return INTERNAL;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "simulate: %s was ended by signal %d\n", path, WTERMSIG(status));
    return INTERNAL;
}

int sim_analyze_show(const char *dir)
{
    char path[PATH_BYTES + 32];
    find(path);
    return finish(start(path, (const char *const[]){path, dir, NULL}, -1), path);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* What is wasteful harms nobody, and a client's view is what the broken rules led to: the first rule of Raft that was
 * broken names the cause, if one was. */
static bool is_cause(const json_t *v)
{
    return *text_of(v, "check") == 'R' && strcmp(text_of(v, "severity"), "COST") != 0;
}

static bool is_before(const json_t *a, const json_t *b)
{
    return json_integer_value(json_object_get(a, "t")) < json_integer_value(json_object_get(b, "t"));
}

static int64_t time_of(const json_t *v)
{
    return json_integer_value(json_object_get(v, "t"));
}

/* Adds a word to a list where each stands after and before a line feed, unless it is in it. */
static void add_word(char *list, size_t size, const char *word)
{
    char line[112];
    size_t used = strlen(list);
    snprintf(line, sizeof line, "\n%.100s\n", word);
    if (!strstr(list, line))
        snprintf(list + used, size - used, "%s", line + (used > 0));
}

/* `cause`: the first rule of Raft that was broken, or NULL. */
static void take_all(const json_t *violations, const json_t *cause, struct sim_judgement *j)
{
    const json_t *v, *same = NULL, *worst = json_array_get(violations, 0);
    size_t i;
    snprintf(j->worst, sizeof j->worst, "%s", text_of(worst, "class"));
    snprintf(j->check, sizeof j->check, "%s", text_of(worst, "check"));
    json_array_foreach(violations, i, v)
    {
        if (strcmp(text_of(v, "class"), j->worst) == 0 && (!same || is_before(v, same)))
            same = v;
        add_word(j->classes, sizeof j->classes, text_of(v, "class"));
        add_word(j->checks, sizeof j->checks, text_of(v, "check"));
    }
    snprintf(j->first_rule, sizeof j->first_rule, "%s", cause ? text_of(cause, "check") : "");
    j->t = cause && time_of(cause) > time_of(same) ? time_of(cause) : time_of(same);
}

/* Violations stand in the order of their weight. */
static void take_report(const json_t *report, struct sim_judgement *j)
{
    const json_t *violations = json_object_get(json_array_get(json_object_get(report, "runs"), 0), "violations"), *v;
    const json_t *worst = json_array_get(violations, 0), *cause = NULL;
    size_t i;
    json_array_foreach(violations, i, v) if (is_cause(v) && (!cause || is_before(v, cause))) cause = v;
    const json_t *named = cause ? cause : worst;
    snprintf(j->class, sizeof j->class, "%s", text_of(named, "class"));
    snprintf(j->rule, sizeof j->rule, "%s", text_of(named, "check"));
    bool seen = named != worst && *text_of(worst, "check") == 'C';
    snprintf(j->title, sizeof j->title, "%s%s%s", text_of(named, "title"), seen ? "; clients see: " : "",
             seen ? text_of(worst, "title") : "");
    take_all(violations, cause, j);
}

/* Nothing is violated, but something is not known to hold. */
static void take_unknown(const json_t *report, struct sim_judgement *j)
{
    const json_t *checks = json_object_get(json_array_get(json_object_get(report, "runs"), 0), "checks"), *c;
    size_t i;
    snprintf(j->class, sizeof j->class, "undecided");
    snprintf(j->rule, sizeof j->rule, "none");
    json_array_foreach(checks, i, c) if (strcmp(text_of(c, "verdict"), "unknown") == 0)
    {
        snprintf(j->class, sizeof j->class, "undecided: %s", text_of(c, "title"));
        snprintf(j->rule, sizeof j->rule, "%s", text_of(c, "id"));
        snprintf(j->title, sizeof j->title, "%s", text_of(c, "note"));
        return;
    }
}

void sim_analyze_judge(const char *dir, struct sim_judgement *j)
{
    char path[PATH_BYTES + 32];
    int ends[2];
    *j = (struct sim_judgement){.status = INTERNAL};
    find(path);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    pid_t pid = start(path, (const char *const[]){path, "check", dir, "--format", "json", NULL}, ends[1]);
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    json_t *report = in ? json_loadf(in, 0, NULL) : NULL;
    if (in)
        fclose(in);
    else
        close(ends[0]);
    j->status = finish(pid, path);
    if (report && j->status == 1)
        take_report(report, j);
    else if (report && j->status == 2)
        take_unknown(report, j);
    else if (!report && j->status < 64)
        j->status = INTERNAL;
    if (j->status >= 64)
        snprintf(j->class, sizeof j->class, "no-verdict: analyze ended with status %d", j->status);
    json_decref(report);
}

int sim_analyze_write(const char *dir, const char *name)
{
    char path[PATH_BYTES + 32], file[PATH_BYTES + 32];
    find(path);
    snprintf(file, sizeof file, "%s/%s", dir, name);
    int out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0)
        return INTERNAL;
    int status = finish(start(path, (const char *const[]){path, dir, NULL}, out), path);
    close(out);
    return status;
}
