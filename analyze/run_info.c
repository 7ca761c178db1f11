#include "run_info.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

static char *copy(const char *s)
{
    return s != NULL ? mem_text(s, strlen(s)) : NULL;
}

/* A file of that name beside the database. */
static void beside(const char *path, const char *name, char out[4300])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, 4300, "%.*s%s", slash != NULL ? (int)(slash - path) + 1 : 0, path, name);
}

static void from_json(struct run_info *info, const char *path)
{
    json_t *j = json_load_file(path, 0, NULL), *command = json_object_get(j, "command");
    info->rerun = copy(json_string_value(json_object_get(j, "rerun")));
    const char *last = json_string_value(json_array_get(command, json_array_size(command) - 1));
    if (last != NULL && *last != '{') /* a scenario can be given as text, too */
        info->scenario = copy(last);
    json_decref(j);
}

void run_info_read(struct run_info *info, struct db *db, int64_t run_id, const char *path)
{
    char file[4300];
    *info = (struct run_info){.seed = 0};
    sqlite3_stmt *q =
        db_prepare(db, "SELECT seed, started_us, EXISTS (SELECT 1 FROM records x WHERE x.run_id = r.run_id"
                       " AND x.ev = 'trace.open' AND x.node = 'sim' AND"
                       " json_extract(x.body, '$.clk') = 'virtual') FROM runs r WHERE run_id = :run");
    db_bind_int(db, q, ":run", run_id);
    if (db_row(db, q)) {
        info->has_seed = sqlite3_column_type(q, 0) != SQLITE_NULL;
        info->seed = sqlite3_column_int64(q, 0);
        info->started_us = sqlite3_column_int64(q, 1);
        info->virtual_time = sqlite3_column_int(q, 2) != 0;
    }
    db_done(db, q);
    beside(path, "run.json", file);
    from_json(info, file);
    beside(path, "report.html", file);
    if (access(file, F_OK) == 0)
        info->report = copy(file);
}

void run_info_free(struct run_info *info)
{
    free(info->rerun);
    free(info->scenario);
    free(info->report);
}
