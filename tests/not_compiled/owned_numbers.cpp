// expects: AlignedArray holds plain numbers only
#include <string>

#include <gancodec.hpp>

#ifdef GANCODEC_WRONG
gancodec::AlignedArray<std::string> array;
#else
gancodec::AlignedArray<float> array;
#endif
