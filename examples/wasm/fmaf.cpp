// Emscripten's own fmaf() rounds twice where the sum lies half-way between two floats. One that is linked before it takes its
// place, and pixels are those of every other machine. Built with -fno-builtin, so that this is not compiled into a call of itself.
#include "soft_fmaf.hpp"

extern "C" float fmaf(float a, float b, float c) { return soft_fmaf(a, b, c); }
