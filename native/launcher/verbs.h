// Verbs that need no engine.
#pragma once
#include <stdbool.h>

// Does what the words ask for and returns true; or, when that is the engine's, leaves all as it was
// and returns false.
bool run_verb(char **words, char **environment);
