// expects: Sequential needs at least one layer
#include <gancodec.hpp>

#ifdef GANCODEC_WRONG
using Network = gancodec::Sequential<>;
#else
using Network = gancodec::Sequential<gancodec::Conv2d<3, 3, 1> >;
#endif
int main() { return static_cast<int>(sizeof(Network)) == 0; }
