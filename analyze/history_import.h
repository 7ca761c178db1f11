/* history_import.h -- histories that other programs wrote. */
#ifndef FAULTLINE_HISTORY_IMPORT_H
#define FAULTLINE_HISTORY_IMPORT_H

#include "history.h"

enum history_format {
    HISTORY_JEPSEN_LOG,   /* "INFO  jepsen.util - 3 :invoke :write 4": one register; line numbers are the clock */
    HISTORY_PORCUPINE_KV, /* "{:process 0, :type :invoke, :f :append, :key \"0\", :value \"x\"}", likewise */
    HISTORY_JSONL         /* one operation a line: id, client, f, key, value, call, ret (null: unknown outcome) */
};

/* Guessed from the name's ending: .log, .txt, .jsonl. False for any other. */
bool history_format_of(const char *path, enum history_format *f);

/* Adds what a file holds to an initialised history, and sorts it. False with file, line and remedy in `err`. */
bool history_import(struct history *h, const char *path, enum history_format f, char *err, size_t err_n);

#endif
