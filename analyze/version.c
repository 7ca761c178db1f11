#include "version.h"

const char analyze_version[] = FAULTLINE_VERSION;
