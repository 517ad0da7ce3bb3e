// expects: Sequential: a layer expects a different number of input channels than the layer before it delivers
#include <gancodec.hpp>

#ifdef GANCODEC_WRONG
constexpr int kDelivered = 96;
#else
constexpr int kDelivered = 48;
#endif
using namespace gancodec;
using Network = Sequential<Conv2d<3, kDelivered, 5, Stride<2>>, Relu, Conv2d<48, 64, 3>>;
Network network;
